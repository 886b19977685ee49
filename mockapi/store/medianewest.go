package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// newest is the order that most lists are in.
const newest = " ORDER BY created_at DESC, id DESC"

const ownPrivateMedia = "(SELECT count(*) FROM media_files WHERE user_id = $1 AND NOT is_public)"

// newestSQL is the statement of newestMedia: the first page, a later one by number, one after a cursor. They
// are prepared, and get a plan that does not know their parameters, whose limit PostgreSQL would take for a
// tenth of the table. The limits inside tell it otherwise.
func newestSQL(w window, ownToo bool) string {
	const (
		page   = mediaColumns + " FROM (SELECT " + mediaColumns + " FROM media_files WHERE (is_public OR user_id = $1 OR $2)"
		past   = " AND (created_at, id) < ($5, $6)"
		first  = page + newest + " LIMIT 101) m LIMIT $3 OFFSET $4"   // MaxLimit + 1
		later  = page + newest + " LIMIT 10101) m LIMIT $3 OFFSET $4" // MaxOffset + MaxLimit + 1
		after  = page + past + newest + " LIMIT 101) m LIMIT $3 OFFSET $4"
		own    = "SELECT " + ownPrivateMedia + ", "
		others = "SELECT "
	)
	switch {
	case w.after != nil && ownToo:
		return own + after
	case w.after != nil:
		return others + after
	case w.offset > 0 && ownToo:
		return own + later
	case w.offset > 0:
		return others + later
	case ownToo:
		return own + first
	default:
		return others + first
	}
}

// newestMedia reads a page of all files that the viewer sees, newest first. Its total comes with it: the
// viewer's private files are counted by the same statement when their number is not remembered.
func (s *Store) newestMedia(ctx context.Context, c *pgx.Conn, v mockapi.Viewer, w window, all bool) (mockapi.Page[mockapi.Media], error) {
	public, total, known := s.totals.media.get()
	var promise uint64
	var own int64
	have := v.UserID == 0
	if known && !all && !have {
		own, promise, have = s.totals.privateMedia.get(v.UserID)
	}
	count := promise != 0
	args := []any{v.UserID, all, w.rows(), w.offset}
	if w.after != nil {
		args = append(args, w.after.time(), w.after.id)
	}
	items, err := collect(ctx, c, w, newestSQL(w, count), args, func(r *row, m, before *mockapi.Media) {
		if count {
			own, have = r.int64(), true
		}
		scanMedia(r, m, before)
	})
	if err != nil {
		return mockapi.Page[mockapi.Media]{}, err
	}
	if count && have {
		s.totals.privateMedia.put(v.UserID, own, promise)
	}
	found := page(items, w, placeNewest)
	switch {
	case found.TotalKind != "":
	case known && all:
		found.Total, found.TotalKind = total, mockapi.TotalMaintained
	case known && have:
		found.Total, found.TotalKind = public+own, mockapi.TotalMaintained
	}
	return found, nil
}

func placeNewest(m *mockapi.Media) cursor { return newestCursor(m.CreatedAt, m.ID) }
