package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
		return mediaOrder{orderOldest, "created_at", false, created}, nil
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

// ListMedia implements mockapi.MediaStore. The list without filters, newest first, is what everybody asks for:
// see newestMedia. For all others see listing.
func (s *Store) ListMedia(ctx context.Context, v mockapi.Viewer, q mockapi.MediaQuery) (mockapi.Page[mockapi.Media], error) {
	var found mockapi.Page[mockapi.Media]
	order, err := mediaOrderOf(q.Sort)
	if err != nil {
		return found, err
	}
	w, err := newWindow(q.PageRequest, order.letter)
	if err != nil {
		return found, err
	}
	if q.All && !v.IsAdmin() {
		return found, mockapi.Errorf(mockapi.CodeAccessDenied, "only an admin sees everybody's private files")
	}
	plain := q.OwnerID == 0 && q.Type == "" && q.Tag == "" && q.CollectionID == 0 && q.Public == nil &&
		q.MinSize == 0 && q.MaxSize == 0 && q.CreatedAfter.IsZero() && q.CreatedBefore.IsZero()
	newest := plain && order.letter == orderNewest
	err = s.read(ctx, "list media files", func(ctx context.Context, c *pgx.Conn) error {
		var l listing
		var err error
		if newest {
			found, err = s.newestMedia(ctx, c, v, w, q.All)
		} else {
			l, err = mediaListing(ctx, c, v, q, order)
			if errors.Is(err, errNothing) {
				found = mockapi.Page[mockapi.Media]{Items: []mockapi.Media{}, TotalKind: mockapi.TotalExact}
				return nil
			}
			if err == nil {
				l.order, l.window, l.hints, l.plan = order, w, s.hints, []any{pgx.QueryExecModeCacheDescribe}
				found, err = l.find(ctx, c)
			}
		}
		if err == nil {
			err = lookUpOwners(ctx, c, found.Items, ownerOfMedia)
		}
		if err != nil || found.TotalKind != "" {
			return err
		}
		if plain {
			n, known, err := visibleTotal(ctx, c, &s.totals.media, s.totals.privateMedia, v, q.All, "SELECT "+ownPrivateMedia)
			if known || err != nil {
				found.Total, found.TotalKind = n, mockapi.TotalMaintained
				return err
			}
		}
		if newest {
			if l, err = mediaListing(ctx, c, v, q, order); err != nil {
				return err
			}
		}
		list := from("FROM media_files m")
		l.mayBeSeen(list)
		list.all(l.seen)
		found.Total, found.TotalKind, err = s.totals.cappedTotal(ctx, c, fmt.Sprint(list, list.args), list.String(), planned(list.args))
		return err
	})
	return found, err
}

// planned makes PostgreSQL plan a query for the values it comes with.
func planned(args []any) []any { return append([]any{pgx.QueryExecModeCacheDescribe}, args...) }

// errNothing means that no file can pass a filter.
var errNothing = errors.New("nothing passes the filter")

// rareTag is how many files a tag may have for all of them to be read at once.
const rareTag = 2000

// mediaListing turns a query into conditions. Those on the column of the order go with the walk along its
// index, and so does a single MIME type when the order is by time, and the owner always.
func mediaListing(ctx context.Context, c *pgx.Conn, v mockapi.Viewer, q mockapi.MediaQuery, order mediaOrder) (listing, error) {
	var l listing
	var all []condition
	seen := func(sql string, values ...any) { l.seen = append(l.seen, condition{sql, values}) }
	pass := func(look, find string, value any) {
		l.passed = append(l.passed, condition{look, []any{value}})
		all = append(all, condition{find, []any{value}})
	}
	filter := func(walkable bool, sql string, value any) {
		if walkable || q.OwnerID != 0 {
			seen(sql, value)
		} else {
			pass(sql, sql, value)
		}
	}
	private := q.Public != nil && !*q.Public
	switch {
	case q.All:
	case q.OwnerID != 0 && q.OwnerID == v.UserID:
	case q.OwnerID != 0 || v.UserID == 0:
		seen("is_public")
	case private:
		seen("user_id = $", v.UserID)
	case q.Public == nil:
		l.viewer = v.UserID
	}
	switch {
	case private:
		seen("NOT is_public")
	case q.Public != nil:
		seen("is_public")
	}
	if q.OwnerID != 0 {
		seen("user_id = $", q.OwnerID)
	}
	if q.MinSize != 0 {
		filter(order.column == "size", "size >= $", q.MinSize)
	}
	if q.MaxSize != 0 {
		filter(order.column == "size", "size <= $", q.MaxSize)
	}
	if !q.CreatedAfter.IsZero() {
		filter(order.column == "created_at", "created_at >= $", q.CreatedAfter)
	}
	if !q.CreatedBefore.IsZero() {
		filter(order.column == "created_at", "created_at < $", q.CreatedBefore)
	}
	if q.Type != "" {
		types, err := mimeTypes(ctx, c, q.Type)
		switch {
		case err != nil:
			return l, err
		case len(types) == 0:
			return l, errNothing
		case len(types) == 1:
			filter(order.column == "created_at", "mime_type = $", types[0])
		default:
			filter(false, "mime_type = ANY ($)", types)
		}
	}
	if q.Tag != "" {
		tag, err := tagNamed(ctx, c, q.Tag, rareTag)
		if err != nil {
			return l, err
		}
		if tag.id == 0 {
			return l, errNothing
		}
		pass(hasTag, "EXISTS (SELECT FROM media_tags t WHERE t.media_id = m.id AND t.tag_id = $)", tag.id)
		l.rare = tag.files < rareTag || q.OwnerID != 0
	}
	if q.CollectionID != 0 {
		if err := maySee(ctx, c, v, noCollection, collectionOwner, q.CollectionID); err != nil {
			return l, err
		}
		in := "EXISTS (SELECT FROM collection_items i WHERE i.media_id = m.id AND i.collection_id = $)"
		pass(in, in, q.CollectionID)
		l.rare = true
	}
	l.all = append(slices.Clip(l.seen), all...)
	return l, nil
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
