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
// tenth of the table. The limits inside tell it otherwise. Public files and the viewer's own are merged, for the
// reason that listing.files gives.
func newestSQL(w window, all, ownToo bool) string {
	const (
		columns = "SELECT " + mediaColumns
		table   = columns + " FROM media_files"
		public  = "((" + table + " WHERE is_public"
		private = ") UNION ALL (" + table + " WHERE user_id = $1 AND NOT is_public"
		every   = "(" + table

		past       = "(created_at, id) < ($4, $5)"
		pastForAll = "(created_at, id) < ($3, $4)"
		shallow    = newest + " LIMIT 101"   // MaxLimit + 1
		deep       = newest + " LIMIT 10101" // MaxOffset + MaxLimit + 1
		end        = ") m" + newest + " LIMIT $2 OFFSET $3"
		endForAll  = ") m" + newest + " LIMIT $1 OFFSET $2"

		first = " FROM " + public + shallow + private + shallow + ")" + end
		later = " FROM " + public + deep + private + deep + ")" + end
		after = " FROM " + public + " AND " + past + shallow + private + " AND " + past + shallow + ")" + end
		own   = "SELECT " + ownPrivateMedia + ", " + mediaColumns
	)
	switch {
	case all && w.after != nil:
		return columns + " FROM " + every + " WHERE " + pastForAll + shallow + endForAll
	case all:
		return columns + " FROM " + every + deep + endForAll
	case w.after != nil && ownToo:
		return own + after
	case w.after != nil:
		return columns + after
	case w.offset > 0 && ownToo:
		return own + later
	case w.offset > 0:
		return columns + later
	case ownToo:
		return own + first
	default:
		return columns + first
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
	args := []any{w.rows(), w.offset}
	if !all {
		args = []any{v.UserID, w.rows(), w.offset}
	}
	if w.after != nil {
		args = append(args, w.after.time(), w.after.id)
	}
	items, err := collect(ctx, c, w, newestSQL(w, all, count), args, func(r *row, m, before *mockapi.Media) {
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
