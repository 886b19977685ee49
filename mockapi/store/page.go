package store

import (
	"context"
	"fmt"

	"github.com/medianest/testbed/mockapi"
)

// window is the part of a list that a PageRequest asks for.
type window struct {
	limit  int
	offset int
	after  *cursor // nil for a page by number
}

func newWindow(p mockapi.PageRequest, order byte) (window, error) {
	w := window{limit: p.Limit}
	switch {
	case p.Limit == 0:
		w.limit = mockapi.DefaultLimit
	case p.Limit < 0 || p.Limit > mockapi.MaxLimit:
		return w, invalid("limit", fmt.Sprintf("must be 1 to %d", mockapi.MaxLimit))
	}
	if p.Cursor != "" {
		c, err := decodeCursor(p.Cursor, order)
		w.after = &c
		return w, err
	}
	if p.Page < 0 {
		return w, invalid("page", "must be 1 or more")
	}
	page := max(p.Page, 1)
	if page-1 > mockapi.MaxOffset/w.limit {
		return w, invalid("page", fmt.Sprintf("may not skip more than %d rows: follow nextCursor instead", mockapi.MaxOffset))
	}
	w.offset = (page - 1) * w.limit
	return w, nil
}

// rows is how many to ask for: one more than the page holds tells whether there is a next one.
func (w window) rows() int { return w.limit + 1 }

// page cuts the list that rows() gave. Its total stays to be filled in, but where the end of the list shows.
func page[T any](items []T, w window, place func(*T) cursor) mockapi.Page[T] {
	p := mockapi.Page[T]{Items: items}
	if len(items) > w.limit {
		p.Items = items[:w.limit]
		p.HasNext = true
		p.NextCursor = place(&p.Items[w.limit-1]).encode()
	}
	if w.shows(p.HasNext, len(p.Items)) {
		p.Total, p.TotalKind = int64(w.offset+len(p.Items)), mockapi.TotalExact
	}
	return p
}

// shows tells whether a page that has n rows shows how long the whole list is.
func (w window) shows(hasNext bool, n int) bool {
	return w.after == nil && !hasNext && (n > 0 || w.offset == 0)
}

// collect runs a query for w.rows() rows and reads them. scan is given the row before, or a zero one.
func collect[T any](ctx context.Context, q querier, w window, sql string, args []any, scan func(r *row, item, before *T)) ([]T, error) {
	items := make([]T, 0, w.rows())
	_, err := query(ctx, q, sql, args, func(r *row) {
		items = append(items, *new(T))
		item := &items[len(items)-1]
		before := item
		if len(items) > 1 {
			before = &items[len(items)-2]
		}
		scan(r, item, before)
	})
	return items, err
}
