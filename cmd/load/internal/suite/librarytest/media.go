package librarytest

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/gen"
)

// pathID returns the index of the row that the path names, false where there is none.
func (l *Library) pathID(r *http.Request, t schema.Table) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	i := id - l.Data.FirstID(t.Name)
	return i, err == nil && i >= 0 && i < l.Data.Profile().Rows.Of(t.Name)
}

func (l *Library) mayRead(r *http.Request, public bool, owner int64) bool {
	user := viewer(r)
	if public || user < 0 {
		return public
	}
	var u gen.User
	l.Data.User(user, &u)
	return u.ID == owner || u.Role == "admin"
}

func (l *Library) mediaBody(i int64) map[string]any {
	var m gen.MediaFile
	l.Data.MediaFile(i, &m)
	return map[string]any{
		"id": m.ID, "userId": m.UserID, "filename": string(m.Filename), "originalName": string(m.OriginalName), "title": string(m.Title),
		"description": optionalText(m.Description), "mimeType": m.MIMEType, "size": m.Size, "width": optional(m.Width),
		"height": optional(m.Height), "duration": optional(m.Duration), "viewCount": m.ViewCount, "isPublic": m.Public,
		"createdAt": instant(m.CreatedAt), "updatedAt": instant(m.UpdatedAt), "lastAccessed": optionalInstant(m.LastAccessed),
	}
}

func (l *Library) media(w http.ResponseWriter, r *http.Request) {
	i, ok := l.pathID(r, schema.MediaFiles)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	var m gen.MediaFile
	if l.Data.MediaFile(i, &m); !l.mayRead(r, m.Public, m.UserID) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	l.answer(w, r, http.StatusOK, map[string]any{"success": true, "data": l.mediaBody(i)})
}

// listMedia answers the lists of files: sorted, by pages, of one owner under /user/{id}; as results where they
// are searched for, in which case every text finds every file.
func (l *Library) listMedia(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	owner := int64(0)
	if id := r.PathValue("id"); id != "" {
		owner, _ = strconv.ParseInt(id, 10, 64)
	}
	user := viewer(r)
	var rows []gen.MediaFile
	for i := range l.Data.Profile().Rows.MediaFiles {
		var m gen.MediaFile
		l.Data.MediaFile(i, &m)
		mine := user >= 0 && m.UserID == user+l.Data.FirstID(schema.Users.Name)
		if (m.Public || mine) && (owner == 0 || m.UserID == owner) {
			rows = append(rows, m)
		}
	}
	sort := cmp.Or(query.Get("sort"), "-createdAt")
	slices.SortFunc(rows, func(a, b gen.MediaFile) int {
		order := cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
		if strings.HasSuffix(sort, "size") {
			order = cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.ID, b.ID))
		}
		if sort[0] == '-' {
			return -order
		}
		return order
	})
	key := "data"
	if strings.Contains(r.URL.Path, "/search") {
		key = "results"
	}
	page(l, w, r, key, rows, func(m gen.MediaFile) map[string]any {
		return l.mediaBody(m.ID - l.Data.FirstID(schema.MediaFiles.Name))
	})
}

// page answers with a page of rows. The cursor is the number of the next row, with a sign that does not come back where
// nobody has escaped it.
func page[T any](l *Library, w http.ResponseWriter, r *http.Request, key string, rows []T, body func(T) map[string]any) {
	query := r.URL.Query()
	limit, err := strconv.Atoi(cmp.Or(query.Get("limit"), "20"))
	from, err2 := strconv.Atoi(cmp.Or(query.Get("cursor"), "0"))
	if err != nil || err2 != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	from = min(from, len(rows))
	to := min(from+limit, len(rows))
	items := []any{}
	for _, row := range rows[from:to] {
		items = append(items, body(row))
	}
	var next any
	if to < len(rows) {
		next = "+" + strconv.Itoa(to)
	}
	l.answer(w, r, http.StatusOK, map[string]any{"success": true, key: items, "meta": map[string]any{
		"pagination": map[string]any{"limit": limit, "total": len(rows), "totalKind": "exact", "hasNext": to < len(rows), "nextCursor": next},
	}})
}

func (l *Library) tags(w http.ResponseWriter, r *http.Request) {
	i, ok := l.pathID(r, schema.MediaFiles)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	var rows []gen.Tag
	for n := range l.Data.TagCount(i) {
		var t gen.Tag
		l.Data.Tag(l.Data.TagOf(i, n), &t)
		rows = append(rows, t)
	}
	slices.SortFunc(rows, func(a, b gen.Tag) int { return cmp.Compare(string(a.Name), string(b.Name)) })
	page(l, w, r, "data", rows, func(t gen.Tag) map[string]any { return map[string]any{"id": t.ID, "name": string(t.Name)} })
}

func (l *Library) comments(w http.ResponseWriter, r *http.Request) {
	i, ok := l.pathID(r, schema.MediaFiles)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	var rows []gen.Comment
	for n := range l.Data.CommentCount(i) {
		var c gen.Comment
		l.Data.Comment(l.Data.CommentOf(i, n), &c)
		rows = append(rows, c)
	}
	slices.SortFunc(rows, func(a, b gen.Comment) int {
		return -cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	page(l, w, r, "data", rows, func(c gen.Comment) map[string]any {
		var u gen.User
		l.Data.User(c.UserID-l.Data.FirstID(schema.Users.Name), &u)
		return map[string]any{
			"id": c.ID, "mediaId": c.MediaID, "userId": c.UserID, "authorName": string(u.Name), "body": string(c.Body),
			"createdAt": instant(c.CreatedAt), "updatedAt": instant(c.UpdatedAt),
		}
	})
}

// checksummed is the size up to which the checksum of a file is worked out; larger ones have a made-up one, which
// nobody can tell who reads only a part.
const checksummed = 1 << 20

// contentOf returns n bytes, from a place on, of what a file may hold: it begins as its type does.
func contentOf(m *gen.MediaFile, from, n int64) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((from + int64(i)) * 7)
	}
	if from > 0 {
		return b
	}
	switch m.MIMEType {
	case "image/jpeg":
		copy(b, "\xff\xd8\xff")
	case "image/png":
		copy(b, "\x89PNG\r\n\x1a\n")
	case "video/mp4":
		copy(b, "\x00\x00\x00\x20ftyp")
	case "video/avi":
		copy(b, "RIFF")
	case "application/pdf":
		copy(b, "%PDF-1.4")
	}
	return b
}

func (l *Library) content(w http.ResponseWriter, r *http.Request) {
	i, ok := l.pathID(r, schema.MediaFiles)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	var m gen.MediaFile
	l.Data.MediaFile(i, &m)
	sum := uint32(0x12345678)
	if m.Size <= checksummed {
		sum = crc32.Checksum(contentOf(&m, 0, m.Size), crc32.MakeTable(crc32.Castagnoli))
	}
	h := w.Header()
	h.Set("Content-Type", m.MIMEType)
	h.Set("ETag", fmt.Sprintf(`"%08x-%x"`, sum, m.Size))
	h.Set("Repr-Digest", "crc32c=:"+base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))+":")
	from, to, status := int64(0), m.Size-1, http.StatusOK
	if asked := r.Header.Get("Range"); asked != "" {
		if _, err := fmt.Sscanf(asked, "bytes=%d-%d", &from, &to); err != nil || from >= m.Size {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		to = min(to, m.Size-1)
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, m.Size))
		status = http.StatusPartialContent
	}
	b := contentOf(&m, from, to-from+1)
	if l.LieAboutHeaders != nil {
		b = l.LieAboutHeaders(h, b)
	}
	w.WriteHeader(status)
	_, _ = w.Write(b) // as above
}

// newID is that of something made by a test.
func (l *Library) newID() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made++
	return 1_000_000 + l.made
}

func (l *Library) upload(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Filename, MimeType string
		Size               int64
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || viewer(r) < 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id, now := l.newID(), instant(time.Now().UnixMicro())
	l.answer(w, r, http.StatusCreated, map[string]any{"success": true, "id": id, "data": map[string]any{
		"id": id, "userId": viewer(r) + l.Data.FirstID(schema.Users.Name), "filename": in.Filename, "mimeType": in.MimeType, "size": in.Size,
		"createdAt": now, "updatedAt": now,
	}})
}

func (l *Library) collectionBody(i int64) map[string]any {
	var c gen.Collection
	l.Data.Collection(i, &c)
	return map[string]any{
		"id": c.ID, "userId": c.UserID, "name": string(c.Name), "description": optionalText(c.Description), "isPublic": c.Public,
		"itemCount": l.Data.ItemCount(i), "createdAt": instant(c.CreatedAt), "updatedAt": instant(c.UpdatedAt),
	}
}

func (l *Library) listCollections(w http.ResponseWriter, r *http.Request) {
	var rows []gen.Collection
	for i := range l.Data.Profile().Rows.Collections {
		var c gen.Collection
		if l.Data.Collection(i, &c); c.Public {
			rows = append(rows, c)
		}
	}
	slices.SortFunc(rows, func(a, b gen.Collection) int { return -cmp.Compare(a.CreatedAt, b.CreatedAt) })
	page(l, w, r, "data", rows, func(c gen.Collection) map[string]any {
		return l.collectionBody(c.ID - l.Data.FirstID(schema.Collections.Name))
	})
}

func (l *Library) collection(w http.ResponseWriter, r *http.Request) {
	i, ok := l.pathID(r, schema.Collections)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	body := l.collectionBody(i)
	items := []any{}
	for position := int64(1); position <= l.Data.ItemCount(i); position++ {
		at := l.Data.ItemOf(i, position)
		var m gen.MediaFile
		if l.Data.MediaFile(at, &m); l.mayRead(r, m.Public, m.UserID) {
			items = append(items, map[string]any{"position": position, "addedAt": instant(m.CreatedAt), "media": l.mediaBody(at)})
		}
	}
	total := len(items)
	items = items[:min(total, 20)]
	body["items"] = items
	l.answer(w, r, http.StatusOK, map[string]any{"success": true, "data": body, "meta": map[string]any{
		"pagination": map[string]any{"limit": 20, "total": total, "totalKind": "exact", "hasNext": total > 20, "nextCursor": nil},
	}})
}

func (l *Library) makeCollection(w http.ResponseWriter, r *http.Request) {
	var in struct{ Name, Description string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || viewer(r) < 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id, now := l.newID(), instant(time.Now().UnixMicro())
	l.answer(w, r, http.StatusCreated, map[string]any{"success": true, "id": id, "data": map[string]any{
		"id": id, "userId": viewer(r) + l.Data.FirstID(schema.Users.Name), "name": in.Name, "description": in.Description, "isPublic": false,
		"itemCount": 0, "createdAt": now, "updatedAt": now,
	}})
}
