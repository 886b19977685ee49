package store

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// A bulk call is cut into runs of operations of the same action and type, and each run is one statement over
// arrays: a hundred creates cost one round trip. A run ends where an id comes a second time, since one
// statement changes a row once.

// bulkRun is a run of operations; at[i] is the place of ops[i] in the call.
type bulkRun struct {
	action mockapi.Action
	media  bool
	ops    []mockapi.BulkOperation
	at     []int
}

func bulkRuns(ops []mockapi.BulkOperation) []bulkRun {
	var runs []bulkRun
	var ids map[int64]bool
	for i, op := range ops {
		media := op.Type == "media"
		last := len(runs) - 1
		if last < 0 || runs[last].action != op.Action || runs[last].media != media || op.Action != mockapi.ActionCreate && ids[op.ID] {
			runs = append(runs, bulkRun{action: op.Action, media: media})
			ids = make(map[int64]bool)
			last++
		}
		ids[op.ID] = true
		runs[last].ops = append(runs[last].ops, op)
		runs[last].at = append(runs[last].at, i)
	}
	return runs
}

// errUndone is the result of an operation that was, or would have been, done but for the failure of another.
var errUndone = mockapi.Errorf(mockapi.CodeValidation, "not done, because another operation of this atomic call failed")

// errRollBack ends the transaction of an atomic call one of whose operations has failed.
var errRollBack = errors.New("an operation of an atomic bulk call failed")

// Bulk implements mockapi.BulkStore. Without atomic, every run commits by itself.
func (s *Store) Bulk(ctx context.Context, v mockapi.Viewer, ops []mockapi.BulkOperation, atomic bool) ([]mockapi.BulkResult, error) {
	if v.UserID == 0 {
		return nil, errAnonymous
	}
	if len(ops) > mockapi.MaxOperations {
		return nil, mockapi.Errorf(mockapi.CodeValidation, "%d operations, at most %d may come in one call", len(ops), mockapi.MaxOperations)
	}
	results := make([]mockapi.BulkResult, len(ops))
	runs := bulkRuns(ops)
	if !atomic {
		for _, run := range runs {
			var moved []change
			err := s.heavyWrite(ctx, "bulk "+string(run.action), func(ctx context.Context, c *pgx.Conn) error {
				// In a transaction, since a run may ask a question after its statement, and fail then.
				return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) (err error) {
					moved, err = run.do(ctx, tx, v, results)
					return err
				})
			})
			if err != nil { // of the whole run: its operations have not been done
				for _, i := range run.at {
					results[i] = mockapi.BulkResult{Err: err}
				}
				continue
			}
			s.note(moved)
		}
		return results, nil
	}
	var moved []change
	err := s.heavyWrite(ctx, "atomic bulk call", func(ctx context.Context, c *pgx.Conn) error {
		moved = nil
		clear(results)
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			for _, run := range runs {
				m, err := run.do(ctx, tx, v, results)
				if err != nil {
					return err
				}
				moved = append(moved, m...)
			}
			if slices.ContainsFunc(results, func(r mockapi.BulkResult) bool { return r.Err != nil }) {
				return errRollBack
			}
			return nil
		})
	})
	switch {
	case errors.Is(err, errRollBack):
		for i := range results {
			if results[i].Err == nil {
				results[i] = mockapi.BulkResult{Err: errUndone}
			}
		}
		return results, nil
	case err != nil:
		return nil, err
	}
	s.note(moved)
	return results, nil
}

// change is n files or collections more, or fewer, of an owner, public or private.
type change struct {
	media  bool
	xid    uint64
	owner  int64
	public bool
	n      int64
}

// note brings the totals up to date once the changes are committed.
func (s *Store) note(changes []change) {
	for _, c := range changes {
		if c.media {
			s.totals.wroteMedia(c.xid, c.owner, c.public, c.n)
		} else {
			s.totals.wroteCollection(c.xid, c.owner, c.public, c.n)
		}
	}
}

// do runs the statement of a run and fills in the results of its operations.
func (b *bulkRun) do(ctx context.Context, q querier, v mockapi.Viewer, results []mockapi.BulkResult) ([]change, error) {
	if b.action == mockapi.ActionCreate {
		return b.create(ctx, q, v, results)
	}
	ids := make([]int64, len(b.ops))
	for i, op := range b.ops {
		ids[i] = op.ID
	}
	sql, args := b.statement(ids, v)
	done := make(map[int64]bool, len(ids))
	var moved []change
	_, err := query(ctx, q, sql, args, func(r *row) {
		tx, id, owner, was, is := r.xid(), r.int64(), r.int64(), r.bool(), r.bool()
		done[id] = true
		switch {
		case b.action == mockapi.ActionDelete:
			moved = append(moved, change{b.media, tx, owner, was, -1})
		case was != is:
			moved = append(moved, change{b.media, tx, owner, was, -1}, change{b.media, tx, owner, is, 1})
		}
	})
	if err != nil {
		return nil, err
	}
	var missed []int64
	for i, op := range b.ops {
		if done[op.ID] {
			results[b.at[i]] = mockapi.BulkResult{ID: op.ID}
		} else {
			missed = append(missed, op.ID)
		}
	}
	if len(missed) == 0 {
		return moved, nil
	}
	exists := make(map[int64]bool)
	_, err = query(ctx, q, "SELECT id FROM "+b.table()+" WHERE id = ANY ($1)", []any{missed}, func(r *row) { exists[r.int64()] = true })
	if err != nil {
		return nil, err
	}
	for i, op := range b.ops {
		switch {
		case done[op.ID]:
		case exists[op.ID]:
			results[b.at[i]] = mockapi.BulkResult{Err: errNotYours}
		default:
			results[b.at[i]] = mockapi.BulkResult{Err: mockapi.Errorf(mockapi.CodeNotFound, "%s", b.missing())}
		}
	}
	return moved, nil
}

func (b *bulkRun) table() string {
	if b.media {
		return "media_files"
	}
	return "collections"
}

func (b *bulkRun) missing() string {
	if b.media {
		return noMedia
	}
	return noCollection
}

// statement is the update or delete of a run. Rows are locked by rising id first, so that two calls that
// change the same rows wait for one another instead of deadlocking. It returns the transaction, id, owner, and whether the row
// was and is public.
func (b *bulkRun) statement(ids []int64, v mockapi.Viewer) (string, []any) {
	args := []any{ids, v.IsAdmin(), v.UserID}
	held := "WITH held AS MATERIALIZED (SELECT id, is_public AS was FROM " + b.table() +
		" WHERE id = ANY ($1) AND ($2 OR user_id = $3) ORDER BY id FOR UPDATE) "
	if b.action == mockapi.ActionDelete {
		return held + "DELETE FROM " + b.table() + " t USING held WHERE t.id = held.id RETURNING " + xid + ", t.id, user_id, was, was", args
	}
	n := len(b.ops)
	names, descriptions, public := make([]*string, n), make([]*string, n), make([]*bool, n)
	if !b.media {
		for i, op := range b.ops {
			names[i], descriptions[i], public[i] = op.CollectionUpdate.Name, op.CollectionUpdate.Description, op.CollectionUpdate.IsPublic
		}
		return held + `UPDATE collections t SET name = coalesce(u.name, t.name), description = coalesce(u.description, t.description),
				is_public = coalesce(u.is_public, t.is_public), updated_at = greatest(now(), t.created_at)
			FROM held JOIN unnest($1::bigint[], $4::text[], $5::text[], $6::boolean[]) AS u (id, name, description, is_public) USING (id)
			WHERE t.id = held.id RETURNING ` + xid + `, t.id, t.user_id, was, t.is_public`, append(args, names, descriptions, public)
	}
	titles := make([]*string, n)
	for i, op := range b.ops {
		u := op.MediaUpdate
		names[i], titles[i], descriptions[i], public[i] = u.Filename, u.Title, u.Description, u.IsPublic
	}
	return held + `UPDATE media_files t SET filename = coalesce(u.filename, t.filename), title = coalesce(u.title, t.title),
			description = coalesce(u.description, t.description), is_public = coalesce(u.is_public, t.is_public),
			updated_at = greatest(now(), t.created_at)
		FROM held JOIN unnest($1::bigint[], $4::text[], $5::text[], $6::text[], $7::boolean[])
			AS u (id, filename, title, description, is_public) USING (id)
		WHERE t.id = held.id RETURNING ` + xid + `, t.id, t.user_id, was, t.is_public`, append(args, names, titles, descriptions, public)
}

// create inserts a run's rows in their order. A single INSERT ... SELECT draws ids and returns rows in the
// order of its input.
func (b *bulkRun) create(ctx context.Context, q querier, v mockapi.Viewer, results []mockapi.BulkResult) ([]change, error) {
	n := len(b.ops)
	names, descriptions, public := make([]string, n), make([]*string, n), make([]bool, n)
	var sql string
	args := []any{v.UserID}
	if b.media {
		originals, titles, types := make([]string, n), make([]string, n), make([]string, n)
		sizes := make([]int64, n)
		widths, heights, durations := make([]*int32, n), make([]*int32, n), make([]*int32, n)
		for i, op := range b.ops {
			m := op.NewMedia
			names[i], originals[i], titles[i], descriptions[i] = m.Filename, m.OriginalName, m.Title, m.Description
			types[i], sizes[i], public[i] = m.MimeType, m.Size, m.IsPublic
			widths[i], heights[i], durations[i] = m.Width, m.Height, m.Duration
		}
		sql = `INSERT INTO media_files (user_id, filename, original_name, title, description, mime_type, size, width, height, duration, is_public)
			SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
				$8::integer[], $9::integer[], $10::integer[], $11::boolean[]) AS u RETURNING ` + xid + `, id`
		args = append(args, names, originals, titles, descriptions, types, sizes, widths, heights, durations, public)
	} else {
		for i, op := range b.ops {
			names[i], descriptions[i], public[i] = op.NewCollection.Name, op.NewCollection.Description, op.NewCollection.IsPublic
		}
		sql = `INSERT INTO collections (user_id, name, description, is_public)
			SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::boolean[]) AS u RETURNING ` + xid + `, id`
		args = append(args, names, descriptions, public)
	}
	i := 0
	var tx uint64
	_, err := query(ctx, q, sql, args, func(r *row) {
		tx = r.xid()
		results[b.at[i]] = mockapi.BulkResult{ID: r.int64()}
		i++
	})
	if err != nil {
		return nil, err
	}
	shown := int64(0)
	for _, p := range public {
		if p {
			shown++
		}
	}
	return []change{{b.media, tx, v.UserID, true, shown}, {b.media, tx, v.UserID, false, int64(n) - shown}}, nil
}
