package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
	lang "github.com/medianest/testbed/mockapi/query"
)

// advancedColumns are those of a media file under the alias that statements of the query language use.
const advancedColumns = "m.id, m.user_id, m.filename, m.original_name, m.title, m.description, m.mime_type, m.size, m.width, m.height, " +
	"m.duration, m.view_count, m.is_public, m.sha256, m.created_at, m.updated_at, m.last_accessed"

// advancedRow is a row of a statement: a file, and whether it is a match or only where the search stopped.
type advancedRow struct {
	mockapi.Media
	hit bool
}

// SearchAdvanced implements mockapi.AdvancedSearchStore. A page may hold fewer files than asked for and still
// have a next one: a search that finds little stops after lang.DefaultBudget files, and the cursor goes on
// from there. Its total is exact where the whole answer is on the page, and otherwise the least there can be.
func (s *Store) SearchAdvanced(ctx context.Context, v mockapi.Viewer, text string, p mockapi.PageRequest) (mockapi.Page[mockapi.Media], error) {
	var none mockapi.Page[mockapi.Media]
	var options []lang.Option
	if v.IsAdmin() {
		options = append(options, lang.AllowPersonal())
	}
	q, err := lang.Parse(text, options...)
	if err != nil {
		return none, badQuery(err)
	}
	w, err := newWindow(p, orderNewest)
	if err != nil {
		return none, err
	}
	if w.offset > 0 {
		return none, invalid("page", "must be 1: this search goes on with nextCursor only")
	}
	asked := lang.Page{Limit: w.limit, Columns: advancedColumns}
	if w.after != nil {
		asked.After = &lang.Cursor{CreatedAt: w.after.time(), ID: w.after.id}
	}
	sql, args := q.Statement(lang.Viewer{ID: v.UserID}, time.Now(), asked)
	var rows []advancedRow
	err = s.read(ctx, "search by query", func(ctx context.Context, c *pgx.Conn) error {
		rows = rows[:0]
		like := new(mockapi.Media)
		_, err := query(ctx, c, sql, args, func(r *row) {
			var a advancedRow
			scanMedia(r, &a.Media, like)
			a.hit = r.bool()
			rows = append(rows, a)
			like = &rows[len(rows)-1].Media
		})
		return err
	})
	if err != nil {
		return none, err
	}
	return advancedPage(rows, w), nil
}

func advancedPage(rows []advancedRow, w window) mockapi.Page[mockapi.Media] {
	found, next, complete := lang.Cut(rows, w.limit, func(a advancedRow) (lang.Cursor, bool) {
		return lang.Cursor{CreatedAt: a.CreatedAt, ID: a.ID}, a.hit
	})
	p := mockapi.Page[mockapi.Media]{Items: make([]mockapi.Media, len(found)), HasNext: next != nil}
	for i := range found {
		p.Items[i] = found[i].Media
	}
	if next != nil {
		p.NextCursor = newestCursor(next.CreatedAt, next.ID).encode()
	}
	p.Total, p.TotalKind = int64(len(found)), mockapi.TotalExact
	if p.HasNext || w.after != nil {
		p.TotalKind = mockapi.TotalAtLeast
		if p.HasNext && complete {
			p.Total++
		}
	}
	return p
}

// badQuery tells a client where a query is wrong, and what to write instead.
func badQuery(err error) error {
	e, ok := errors.AsType[*lang.Error](err)
	if !ok {
		return err
	}
	return &mockapi.Error{
		Code: mockapi.CodeValidation, Message: e.Error(),
		Details: []queryFault{{Field: "q", Message: e.Message, Position: e.Pos.Rune, Hint: e.Hint}},
	}
}

// queryFault is a FieldError with the place in the query, in characters from 0, and a hint.
type queryFault struct {
	Field    string `json:"field"`
	Message  string `json:"message"`
	Position int    `json:"position"`
	Hint     string `json:"hint,omitempty"`
}
