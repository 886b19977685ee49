package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/singleflight"

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

// searches remembers the answers of advanced searches for Options.SearchRefresh, and has those who ask for the
// same at once share one query: new files are found a moment later, as in every search engine.
type searches struct {
	refresh time.Duration
	answers *memo[searchKey, mockapi.Page[mockapi.Media]]
	group   singleflight.Group
}

type searchKey struct {
	query  string // canonical
	viewer int64
	admin  bool
	page   mockapi.PageRequest
}

// maxSearches bounds the answers that are remembered.
const maxSearches = 1000

// get returns the answer that is remembered, or the one that find gives.
func (s *searches) get(ctx context.Context, k searchKey, find func() (mockapi.Page[mockapi.Media], error)) (mockapi.Page[mockapi.Media], error) {
	if s.refresh <= 0 {
		return find()
	}
	timing := mockapi.TimingFrom(ctx)
	answer, mark, ok := s.answers.get(k)
	timing.AddCache(ok)
	if ok {
		return answer, nil
	}
	found, err, _ := s.group.Do(fmt.Sprintf("%+v", k), func() (any, error) {
		answer, err := find()
		if err == nil {
			s.answers.put(k, answer, mark)
		}
		return answer, err
	})
	return found.(mockapi.Page[mockapi.Media]), err
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
	k := searchKey{q.String(), v.UserID, v.IsAdmin(), p}
	return s.searches.get(ctx, k, func() (mockapi.Page[mockapi.Media], error) { return s.searchByQuery(ctx, v, q, w) })
}

func (s *Store) searchByQuery(ctx context.Context, v mockapi.Viewer, q *lang.Query, w window) (mockapi.Page[mockapi.Media], error) {
	asked := lang.Page{Limit: w.limit, Columns: advancedColumns}
	if w.after != nil {
		asked.After = &lang.Cursor{CreatedAt: w.after.time(), ID: w.after.id}
	}
	sql, args := q.Statement(lang.Viewer{ID: v.UserID}, time.Now(), asked)
	var found mockapi.Page[mockapi.Media]
	err := s.read(ctx, "search by query", func(ctx context.Context, c *pgx.Conn) error {
		var rows []advancedRow
		like := new(mockapi.Media)
		_, err := query(ctx, c, sql, args, func(r *row) {
			var a advancedRow
			scanMedia(r, &a.Media, like)
			a.hit = r.bool()
			rows = append(rows, a)
			like = &rows[len(rows)-1].Media
		})
		if err != nil {
			return err
		}
		found = advancedPage(rows, w)
		return lookUpOwners(ctx, c, found.Items, ownerOfMedia)
	})
	return found, err
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
