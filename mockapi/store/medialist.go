package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// mediaOrder is one way to sort media files, along an index.
type mediaOrder struct {
	letter byte // in cursors
	column string
	desc   bool
	value  func(*mockapi.Media) int64 // of the column, as a cursor holds it
}

func mediaOrderOf(sort mockapi.MediaSort) (mediaOrder, error) {
	created := func(m *mockapi.Media) int64 { return m.CreatedAt.UnixMicro() }
	size := func(m *mockapi.Media) int64 { return m.Size }
	views := func(m *mockapi.Media) int64 { return m.ViewCount }
	switch sort {
	case "", mockapi.SortNewest:
		return mediaOrder{orderNewest, "created_at", true, created}, nil
	case mockapi.SortOldest:
		return mediaOrder{'o', "created_at", false, created}, nil
	case mockapi.SortLargest:
		return mediaOrder{'L', "size", true, size}, nil
	case mockapi.SortSmallest:
		return mediaOrder{'l', "size", false, size}, nil
	case mockapi.SortMostViewed:
		return mediaOrder{'V', "view_count", true, views}, nil
	case mockapi.SortLeastViewed:
		return mediaOrder{'v', "view_count", false, views}, nil
	}
	return mediaOrder{}, invalid("sort", fmt.Sprintf("must be createdAt, size or viewCount, with a minus for descending; not %q", sort))
}

func (o mediaOrder) by() string {
	if o.desc {
		return " ORDER BY " + o.column + " DESC, id DESC"
	}
	return " ORDER BY " + o.column + ", id"
}

// past is the condition for rows after a cursor; its two $ are the value and the id.
func (o mediaOrder) past() string {
	if o.desc {
		return "(" + o.column + ", id) < ($, $)"
	}
	return "(" + o.column + ", id) > ($, $)"
}

// edge is the cursor's value as a parameter.
func (o mediaOrder) edge(c *cursor) any {
	if o.column == "created_at" {
		return c.time()
	}
	return c.num
}

func (o mediaOrder) place(m *mockapi.Media) cursor {
	return cursor{order: o.letter, num: o.value(m), id: m.ID}
}

// ListMedia implements mockapi.MediaStore.
//
// The list without filters, newest first, is what everybody asks for: see newestMedia. All others are planned
// for the values at hand, by statements that are parsed each time: only so does PostgreSQL know whether a tag or
// a type is common, and the newest index best walked until enough files of it are found, or rare, and best
// looked up.
func (s *Store) ListMedia(ctx context.Context, v mockapi.Viewer, q mockapi.MediaQuery) (mockapi.Page[mockapi.Media], error) {
	var none mockapi.Page[mockapi.Media]
	order, err := mediaOrderOf(q.Sort)
	if err != nil {
		return none, err
	}
	w, err := newWindow(q.PageRequest, order.letter)
	if err != nil {
		return none, err
	}
	if q.All && !v.IsAdmin() {
		return none, mockapi.Errorf(mockapi.CodeAccessDenied, "only an admin sees everybody's private files")
	}
	plain := q.OwnerID == 0 && q.Type == "" && q.Tag == "" && q.CollectionID == 0 && q.Public == nil &&
		q.MinSize == 0 && q.MaxSize == 0 && q.CreatedAfter.IsZero() && q.CreatedBefore.IsZero()
	var found mockapi.Page[mockapi.Media]
	err = s.read(ctx, "list media files", func(ctx context.Context, c *pgx.Conn) error {
		if plain && order.letter == orderNewest {
			found, err = s.newestMedia(ctx, c, v, w, q.All)
		} else {
			found, err = s.filteredMedia(ctx, c, v, w, order, q, plain)
		}
		if err != nil || found.TotalKind != "" || !plain {
			return err
		}
		return s.plainTotal(ctx, c, v, q.All, &found)
	})
	return found, err
}

// filteredMedia reads a page of any list, and finds its total unless the list is plain.
func (s *Store) filteredMedia(ctx context.Context, c *pgx.Conn, v mockapi.Viewer, w window, order mediaOrder, q mockapi.MediaQuery, plain bool) (mockapi.Page[mockapi.Media], error) {
	var none mockapi.Page[mockapi.Media]
	list, err := mediaFilter(ctx, c, v, q)
	if err != nil {
		return none, err
	}
	if list == nil {
		return mockapi.Page[mockapi.Media]{Items: []mockapi.Media{}, TotalKind: mockapi.TotalExact}, nil
	}
	counted, args := list.String(), list.args
	if w.after != nil {
		list.and(order.past(), order.edge(w.after), w.after.id)
	}
	sql := "SELECT " + mediaColumns + " " + list.String() + order.by() + " LIMIT " + list.param(w.rows()) + " OFFSET " + list.param(w.offset)
	items, err := collect(ctx, c, w, sql, planned(list.args), scanMedia)
	if err != nil {
		return none, err
	}
	found := page(items, w, order.place)
	if found.TotalKind == "" && !plain {
		found.Total, found.TotalKind, err = s.totals.cappedTotal(ctx, c, fmt.Sprint(counted, args), counted, planned(args))
	}
	return found, err
}

// planned makes PostgreSQL plan a query for the values it comes with.
func planned(args []any) []any { return append([]any{pgx.QueryExecModeCacheDescribe}, args...) }

// mediaFilter is the FROM and WHERE of a query, nil where nothing can match.
func mediaFilter(ctx context.Context, c *pgx.Conn, v mockapi.Viewer, q mockapi.MediaQuery) (*where, error) {
	list := from("FROM media_files m")
	switch {
	case q.All:
	case q.OwnerID != 0 && q.OwnerID == v.UserID:
	case q.OwnerID != 0 || v.UserID == 0:
		list.and("is_public")
	case q.Public == nil:
		list.and("(is_public OR user_id = $)", v.UserID)
	case !*q.Public:
		list.and("user_id = $", v.UserID)
	}
	if q.Public != nil && *q.Public {
		list.and("is_public")
	} else if q.Public != nil {
		list.and("NOT is_public")
	}
	if q.OwnerID != 0 {
		list.and("user_id = $", q.OwnerID)
	}
	if q.MinSize != 0 {
		list.and("size >= $", q.MinSize)
	}
	if q.MaxSize != 0 {
		list.and("size <= $", q.MaxSize)
	}
	if !q.CreatedAfter.IsZero() {
		list.and("created_at >= $", q.CreatedAfter)
	}
	if !q.CreatedBefore.IsZero() {
		list.and("created_at < $", q.CreatedBefore)
	}
	if q.Type != "" {
		types, err := mimeTypes(ctx, c, q.Type)
		if err != nil || len(types) == 0 {
			return nil, err
		}
		if len(types) == 1 { // keeps the order of the index
			list.and("mime_type = $", types[0])
		} else {
			list.and("mime_type = ANY ($)", types)
		}
	}
	if q.Tag != "" {
		id, err := tagID(ctx, c, q.Tag)
		if err != nil || id == 0 {
			return nil, err
		}
		list.and("EXISTS (SELECT FROM media_tags t WHERE t.media_id = m.id AND t.tag_id = $)", id)
	}
	if q.CollectionID != 0 {
		if err := maySee(ctx, c, v, noCollection, collectionOwner, q.CollectionID); err != nil {
			return nil, err
		}
		list.and("EXISTS (SELECT FROM collection_items i WHERE i.media_id = m.id AND i.collection_id = $)", q.CollectionID)
	}
	return list, nil
}

// mimeTypes lists the MIME types that there are files of: the one asked for, or those that begin with it and
// a slash. It hops from type to type along the index, however many files each has.
func mimeTypes(ctx context.Context, c *pgx.Conn, kind string) ([]string, error) {
	const q = `WITH RECURSIVE kinds AS (
			(SELECT mime_type FROM media_files ORDER BY mime_type LIMIT 1)
			UNION ALL
			SELECT (SELECT mime_type FROM media_files m WHERE m.mime_type > kinds.mime_type ORDER BY mime_type LIMIT 1)
			FROM kinds WHERE kinds.mime_type IS NOT NULL)
		SELECT mime_type FROM kinds WHERE mime_type = $1 OR starts_with(mime_type, $1 || '/')`
	var types []string
	_, err := query(ctx, c, q, []any{kind}, func(r *row) { types = append(types, r.text()) })
	return types, err
}

// plainTotal finds the total of a list without filters.
func (s *Store) plainTotal(ctx context.Context, c *pgx.Conn, v mockapi.Viewer, all bool, found *mockapi.Page[mockapi.Media]) error {
	n, known, err := visibleTotal(ctx, c, &s.totals.media, s.totals.privateMedia, v, all, "SELECT "+ownPrivateMedia)
	if err != nil {
		return err
	}
	if known {
		found.Total, found.TotalKind = n, mockapi.TotalMaintained
		return nil
	}
	list, err := mediaFilter(ctx, c, v, mockapi.MediaQuery{All: all})
	if err != nil {
		return err
	}
	found.Total, found.TotalKind, err = s.totals.cappedTotal(ctx, c, fmt.Sprint("media", list, list.args), list.String(), planned(list.args))
	return err
}
