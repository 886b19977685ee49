package query_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi/query"
)

// nastyTexts are what LIKE, quoting, folding and trigrams may trip over.
var nastyTexts = []string{
	"IMG_0042.jpg", "img_0042.JPG", "IMG-0042.jpg", "IMGx0042.jpg", "VID_7.mp4", "a.jpg.png", "x", "jpg IMG",
	"100%", "100 percent", "50%_off", "%", "_", "\\", `\%`, `a\_b`, `C:\temp\photo.jpg`, "%%__", `end\`,
	`it's "quoted"`, `'; DROP TABLE users; --`, "$1", "$$x$$", "two  spaces", " lead", "trail ", "tab\there", "line\nbreak",
	"ÄRGER", "ärger", "a\u0308rger", "Straße", "STRASSE", "ΣΊΣΥΦΟΣ", "σίσυφος", "ИЗОБРАЖЕНИЕ.jpg", "изображение", "日本 写真.png", "写真",
	"İstanbul", "ISTANBUL", "ıstanbul", "Kelvin \u212a", "ﬁsh", "Ǆungla", "ẞ", "🎉 party 🎉", "e\u0301te\u0301", "\u200bzero width", "AND", "OR", "NOT", "TO",
	"*", "?", "a*b", "a?b", "(a)", "[a TO b]", "a:b", "a~2", "a^2", "-minus", "+plus", "!bang", "/slash/", "now", "sunset beach", "Sunset at the beach",
}

var (
	nastyMIMEs = []string{"image/jpeg", "image/png", "IMAGE/PNG", "video/mp4", "video/x/y", "application/pdf", "odd", "a%b/c_d"}
	nastySizes = []int64{0, 1, 999, 1000, 1023, 1024, 1_000_000, 1 << 20, 5_000_000, 1 << 40, 1<<63 - 1}
	nastyTimes = []time.Time{
		time.Date(2023, 12, 31, 23, 59, 59, 999_999_000, time.UTC), time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(2024, 1, 31, 23, 59, 59, 0, time.UTC), time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 2, 29, 12, 0, 0, 500_000_000, time.UTC), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
		now.Truncate(time.Microsecond), now.Truncate(time.Microsecond).Add(time.Microsecond), now.AddDate(0, 0, -7).Truncate(time.Microsecond), now.AddDate(1, 0, 0).Truncate(time.Hour),
	}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// library is a small database in Go and in PostgreSQL.
type library struct {
	rows []query.Row // by id from 1, without gaps
}

const libraryUsers = 8

func newLibrary(r *rand.Rand, texts []string) *library {
	type user struct{ name, email, role string }
	var users []user
	for i := range libraryUsers {
		users = append(users, user{pick(r, texts), strings.ToLower(fmt.Sprintf("%s.%d@example.com", strings.TrimSpace(pick(r, texts)), i)), []string{"user", "moderator", "admin"}[i%3]})
	}
	var tags []string
	for _, s := range texts {
		if s = query.Fold(s); !slices.Contains(tags, s) && r.IntN(3) > 0 {
			tags = append(tags, s)
		}
	}
	var collections []query.RowCollection
	for i := range 40 {
		collections = append(collections, query.RowCollection{ID: int64(i + 1), UserID: 1 + r.Int64N(libraryUsers), Name: pick(r, texts), IsPublic: r.IntN(2) == 0})
	}
	l := &library{}
	for i := range 400 {
		owner := 1 + r.Int64N(libraryUsers)
		row := query.Row{
			ID: int64(i + 1), UserID: owner, Filename: pick(r, texts), OriginalName: pick(r, texts), Title: pick(r, texts),
			MimeType: pick(r, nastyMIMEs), Size: pick(r, nastySizes), ViewCount: pick(r, nastySizes), IsPublic: r.IntN(2) == 0,
			CreatedAt: pick(r, nastyTimes),
			OwnerName: users[owner-1].name, OwnerRole: users[owner-1].role, OwnerEmail: users[owner-1].email,
		}
		row.UpdatedAt = row.CreatedAt
		if r.IntN(2) == 0 {
			row.Description = new(pick(r, texts))
		}
		if r.IntN(2) == 0 {
			row.Width, row.Height = new(int32(1+r.IntN(3))), new(int32(1<<31-1))
		}
		if r.IntN(2) == 0 {
			row.Duration = new(int32(r.IntN(100)))
		}
		if r.IntN(2) == 0 {
			row.LastAccessed = new(pick(r, nastyTimes))
		}
		for range r.IntN(4) {
			if s := pick(r, tags); !slices.Contains(row.Tags, s) {
				row.Tags = append(row.Tags, s)
			}
		}
		for range r.IntN(3) {
			if c := pick(r, collections); !slices.Contains(row.Collections, c) {
				row.Collections = append(row.Collections, c)
			}
		}
		l.rows = append(l.rows, row)
	}
	return l
}

// store writes the library to a migrated database.
func (l *library) store(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	ctx := t.Context()
	tags := map[string]int64{}
	users := map[int64]bool{}
	collections := map[int64]bool{}
	b := &pgx.Batch{}
	for _, r := range l.rows {
		if !users[r.UserID] {
			users[r.UserID] = true
			b.Queue(`INSERT INTO users (id, email, password_hash, name, role) VALUES ($1, $2, '', $3, $4)`, r.UserID, r.OwnerEmail, r.OwnerName, r.OwnerRole)
		}
	}
	for _, r := range l.rows {
		b.Queue(`INSERT INTO media_files (id, user_id, filename, original_name, title, description, mime_type, size, width, height, duration, view_count, is_public, created_at, updated_at, last_accessed)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			r.ID, r.UserID, r.Filename, r.OriginalName, r.Title, r.Description, r.MimeType, r.Size, r.Width, r.Height, r.Duration, r.ViewCount, r.IsPublic, r.CreatedAt, r.UpdatedAt, r.LastAccessed)
		for _, name := range r.Tags {
			if tags[name] == 0 {
				tags[name] = int64(len(tags) + 1)
				b.Queue(`INSERT INTO tags (id, name) VALUES ($1, $2)`, tags[name], name)
			}
			b.Queue(`INSERT INTO media_tags VALUES ($1, $2)`, r.ID, tags[name])
		}
		for _, c := range r.Collections {
			if !collections[c.ID] {
				collections[c.ID] = true
				b.Queue(`INSERT INTO collections (id, user_id, name, is_public) VALUES ($1, $2, $3, $4)`, c.ID, c.UserID, c.Name, c.IsPublic)
			}
			b.Queue(`INSERT INTO collection_items (collection_id, media_id, position) VALUES ($1, $2, 1)`, c.ID, r.ID)
		}
	}
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(context.WithoutCancel(ctx), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
}

// matches are the rows that Match finds, and of those the visible ones, newest first.
func (l *library) matches(q *query.Query, v query.Viewer) (all, visible []int64) {
	var found []query.Row
	for _, r := range l.rows {
		if q.Match(v, now, &r) {
			all = append(all, r.ID)
			if r.IsPublic || v.All || r.UserID == v.ID {
				found = append(found, r)
			}
		}
	}
	slices.SortFunc(found, func(a, b query.Row) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return int(b.ID - a.ID)
	})
	for _, r := range found {
		visible = append(visible, r.ID)
	}
	return all, visible
}

// randomQuery writes a query that often finds something in a library of nasty texts.
func randomQuery(r *rand.Rand, texts []string, depth int) string {
	if depth > 0 && r.IntN(3) > 0 {
		list := make([]string, 2+r.IntN(2))
		for i := range list {
			list[i] = randomQuery(r, texts, depth-1)
		}
		return pick(r, []string{"", "", "", "NOT ", "-"}) + "(" + strings.Join(list, pick(r, []string{" AND ", " OR ", " ", " && ", " || ", " AND NOT "})) + ")"
	}
	return pick(r, []string{"", "", "", "", "NOT "}) + randomTerm(r, texts)
}

func randomTerm(r *rand.Rand, texts []string) string {
	switch r.IntN(6) {
	case 0, 1:
		f := pick(r, []string{"", "", "filename:", "original_name:", "title:", "description:", "user.name:", "user.email:", "tags:", "tags:", "collections.name:"})
		return f + randomText(r, texts)
	case 2:
		f := pick(r, []string{"tags:", "collections:", "user.name:", "title:"})
		return f + "(" + randomText(r, texts) + pick(r, []string{" OR ", " AND ", " -"}) + randomText(r, texts) + ")"
	case 3:
		f := pick(r, []string{"id", "size", "width", "height", "duration", "views", "user_id", "collections.id"})
		n := func() string {
			return pick(r, []string{"0", "1", "2", "3", "7", "50", "1000", "1MB", "1MiB", "5000000", "1h", "9223372036854775807", "2147483648"})
		}
		return f + ":" + randomInterval(r, n)
	case 4:
		f := pick(r, []string{"created_at", "updated_at", "last_accessed"})
		d := func() string {
			return pick(r, []string{"2024", "2023", "2024-01", "2024-02-29", "2024-01-01", "2024-01-01T00:00Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000001Z", "0001", "1999-01-01T01:00+01:00", "now", "now/d", "now-7d", "now-1M/M", "now+1y/h"})
		}
		return f + ":" + randomInterval(r, d)
	}
	return pick(r, []string{
		"*:*", "width:*", "description:*", "last_accessed:*", "tags:*", "collections:*", "user.name:*", "title:*", "public:true", "public:false", "is_public:*",
		"type:image", "type:png", "type:image/png", "type:*/mp4", "type:odd", "type:\"a%b\"", "type:x", "type:vid*", "user.role:admin", "user.role:mod*", "user.role:?ser",
	})
}

func randomInterval(r *rand.Rand, value func() string) string {
	switch r.IntN(4) {
	case 0:
		return value()
	case 1:
		return pick(r, []string{"[", "{"}) + pick(r, []string{value(), "*"}) + " TO " + pick(r, []string{value(), "*"}) + pick(r, []string{"]", "}"})
	}
	return pick(r, []string{">", ">=", "<", "<="}) + value()
}

// randomText is a nasty text or a piece of one, quoted, or escaped with wildcards.
func randomText(r *rand.Rand, texts []string) string {
	s := []rune(pick(r, texts))
	if r.IntN(3) == 0 {
		from := r.IntN(len(s))
		s = s[from : from+1+r.IntN(len(s)-from)]
	}
	if r.IntN(2) == 0 {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(s)) + `"`
	}
	var b strings.Builder
	for i, c := range s {
		switch r.IntN(6) {
		case 0:
			b.WriteByte('?')
		case 1:
			b.WriteByte('*')
			if i == 0 || r.IntN(2) == 0 {
				b.WriteString(`\` + string(c))
			}
		default:
			b.WriteString(`\` + string(c))
		}
	}
	return b.String()
}
