package store

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

const (
	// mediaText is what the index media_files_text is on.
	mediaText = "(m.filename || ' ' || m.title)"
	// hasWord is the condition that a file has a word, as a pattern and as a tag. OFFSET 0 keeps PostgreSQL
	// from first reading all files of the tag into a hash table, of which there may be hundreds of thousands.
	hasWord = "(" + mediaText + " ILIKE $ OR EXISTS (SELECT FROM media_tags t " +
		"WHERE t.media_id = m.id AND t.tag_id = (SELECT id FROM tags WHERE name = $) OFFSET 0))"
	// visible takes the viewer's id and whether it is an admin.
	visible = "(is_public OR user_id = $ OR $)"
	newest  = " ORDER BY created_at DESC, id DESC"
)

// likePattern matches what contains word as it is written.
func likePattern(word string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(word) + "%"
}

// walk looks for the page in the newest n visible files after the cursor.
func (q *search) walk(ctx context.Context, c *pgx.Conn, n int) ([]mockapi.Media, error) {
	list := from("FROM media_files m")
	list.and(visible, q.viewer.UserID, q.viewer.IsAdmin())
	if a := q.window.after; a != nil {
		list.and("(created_at, id) < ($, $)", a.time(), a.id)
	}
	limit := strconv.Itoa(n)
	if n != firstWalk {
		limit = list.param(n) // any number may come, and each text would be kept as a prepared statement
	}
	walk := from("FROM (SELECT " + mediaColumns + " " + list.String() + newest + " LIMIT " + limit + ") AS m")
	walk.args = list.args
	for _, word := range q.words {
		walk.and(hasWord, likePattern(word), word)
	}
	sql := "SELECT " + mediaColumns + " " + walk.String() + newest + " LIMIT " + walk.param(q.window.rows()) + " OFFSET " + walk.param(q.window.offset)
	return collect(ctx, c, q.window, sql, walk.args, scanMedia)
}

// searchTag is a tag whose name is a word that is searched for.
type searchTag struct {
	id    int64
	files int64 // that have it, counted up to a limit
}

func (q *search) tags(ctx context.Context, c *pgx.Conn) (map[string]searchTag, error) {
	const sql = `SELECT name, id, (SELECT count(*) FROM (SELECT FROM media_tags WHERE tag_id = t.id LIMIT 5000) files)
		FROM tags t WHERE name = ANY ($1)`
	tags := map[string]searchTag{}
	_, err := query(ctx, c, sql, []any{q.words}, func(r *row) { tags[r.text()] = searchTag{r.int64(), r.int64()} })
	return tags, err
}

// lookUp finds all matching files by the indexes. At least one word is indexed.
func (q *search) lookUp(ctx context.Context, c *pgx.Conn) (mockapi.Page[mockapi.Media], error) {
	tags, err := q.tags(ctx, c)
	if err != nil {
		return mockapi.Page[mockapi.Media]{}, err
	}
	list := from("FROM media_files m")
	list.and(visible, q.viewer.UserID, q.viewer.IsAdmin())
	// Words that are not tags must be in the text: the index finds all of them together.
	driven := false
	for _, word := range q.words {
		if _, isTag := tags[word]; !isTag {
			list.and(mediaText+" ILIKE $", likePattern(word))
			driven = driven || indexed(word)
		}
	}
	if !driven {
		// The files of the rarest word, by text or by tag; how often it is a tag stands for how rare it is.
		rarest := ""
		for _, word := range q.words {
			if indexed(word) && (rarest == "" || tags[word].files < tags[rarest].files) {
				rarest = word
			}
		}
		list.and("id = ANY (ARRAY(SELECT m.id FROM media_files m WHERE "+mediaText+" ILIKE $ "+
			"UNION SELECT media_id FROM media_tags WHERE tag_id = $))", likePattern(rarest), tags[rarest].id)
	}
	for _, word := range q.words {
		if _, isTag := tags[word]; isTag {
			list.and(hasWord, likePattern(word), word)
		}
	}
	return q.all(ctx, c, list, mockapi.TotalExact)
}

// blind looks for words that the index does not know: in the newest files, and in those that have the first
// as a tag.
func (q *search) blind(ctx context.Context, c *pgx.Conn) (mockapi.Page[mockapi.Media], error) {
	list := from("FROM media_files m")
	list.and(visible, q.viewer.UserID, q.viewer.IsAdmin())
	list.and("id = ANY (ARRAY((SELECT id FROM media_files WHERE "+visible+newest+" LIMIT $) "+
		"UNION SELECT media_id FROM media_tags JOIN tags ON tag_id = tags.id WHERE name = $))",
		q.viewer.UserID, q.viewer.IsAdmin(), blindWalk, q.words[0])
	for _, word := range q.words {
		list.and(hasWord, likePattern(word), word)
	}
	return q.all(ctx, c, list, mockapi.TotalAtLeast)
}

// all finds every file of a list and sorts them, so that it knows how many there are. MATERIALIZED keeps
// PostgreSQL from walking the newest index instead.
func (q *search) all(ctx context.Context, c *pgx.Conn, list *where, kind mockapi.TotalKind) (mockapi.Page[mockapi.Media], error) {
	every := "WITH found AS MATERIALIZED (SELECT " + mediaColumns + " " + list.String() + ") "
	part := from(every + "SELECT (SELECT count(*) FROM found), " + mediaColumns + " FROM found")
	part.args = list.args
	if a := q.window.after; a != nil {
		part.and("(created_at, id) < ($, $)", a.time(), a.id)
	}
	sql := part.String() + newest + " LIMIT " + part.param(q.window.rows()) + " OFFSET " + part.param(q.window.offset)
	var total int64
	items, err := collect(ctx, c, q.window, sql, part.args, func(r *row, m, before *mockapi.Media) {
		total = r.int64()
		scanMedia(r, m, before)
	})
	if err == nil && len(items) == 0 {
		err = queryOne(ctx, c, "", every+"SELECT count(*) FROM found", list.args, func(r *row) { total = r.int64() })
	}
	if err != nil {
		return mockapi.Page[mockapi.Media]{}, err
	}
	found := page(items, q.window, placeNewest)
	found.Total, found.TotalKind = total, kind
	return found, nil
}
