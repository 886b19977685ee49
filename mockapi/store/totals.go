package store

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// Totals of lists, without counting for each answer. At a million rows a count takes a hundred times what
// the page takes, so:
//
//   - A list without filters adds the number of public rows, which is kept here, to the number of the
//     viewer's private ones, which is counted once in a while: TotalMaintained.
//   - A page that shows the end of its list needs no count, and a listing that had to find all its files has
//     counted them: TotalExact.
//   - A page found by a walk says the rows seen and one more: TotalAtLeast. To count on to a thousand would take
//     3 to 30 ms where the page takes 0.3.
//   - Other lists are counted up to countCap, TotalExact below it, else TotalAtLeast, and that it was reached is
//     remembered for a while, so that a busy list costs one such count every capMemory.
const (
	countCap      = 1000
	capMemory     = 10 * time.Second
	privateMemory = time.Minute
)

// totals are the numbers of rows that are kept: counted by the keeper, moved by what this process writes.
type totals struct {
	media, collections, users tally
	privateMedia              *memo[int64, int64] // by owner
	privateCollections        *memo[int64, int64]
	capped                    *memo[string, struct{}] // lists that have countCap rows or more
}

func (t *totals) init() {
	t.privateMedia = newMemo[int64, int64](50_000, privateMemory)
	t.privateCollections = newMemo[int64, int64](50_000, privateMemory)
	t.capped = newMemo[string, struct{}](1000, capMemory)
}

// tally is the number of rows of one table, of all and of the public ones.
type tally struct {
	mu          sync.Mutex
	known       bool
	public, all int64
	counted     snapshot  // what the last count saw
	counting    bool      // a count is under way
	meanwhile   []written // since it began
}

// written is what a transaction of this process has done to a tally.
type written struct {
	xid         uint64
	public, all int64
}

func (t *tally) get() (public, all int64, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.public, t.all, t.known
}

// add notes what was written, unless the last count has seen it already.
func (t *tally) add(w written) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counting {
		t.meanwhile = append(t.meanwhile, w)
	}
	if !t.counted.sees(w.xid) {
		t.public += w.public
		t.all += w.all
	}
}

// count takes the numbers from read, and adds what was written meanwhile that read did not see.
func (t *tally) count(read func() (seen snapshot, public, all int64, err error)) error {
	t.mu.Lock()
	t.counting = true
	t.mu.Unlock()
	seen, public, all, err := read()
	t.mu.Lock()
	defer t.mu.Unlock()
	meanwhile := t.meanwhile
	t.counting, t.meanwhile = false, nil
	if err != nil {
		return err
	}
	for _, w := range meanwhile {
		if !seen.sees(w.xid) {
			public += w.public
			all += w.all
		}
	}
	t.public, t.all, t.known, t.counted = public, all, true, seen
	return nil
}

// recount counts the tables anew.
func (t *totals) recount(ctx context.Context, c *pgx.Conn) error {
	for _, table := range []struct {
		tally *tally
		sql   string
	}{
		{&t.users, "SELECT pg_current_snapshot(), count(*), count(*) FROM users"},
		{&t.collections, "SELECT pg_current_snapshot(), count(*) FILTER (WHERE is_public), count(*) FROM collections"},
		{&t.media, "SELECT pg_current_snapshot(), count(*) FILTER (WHERE is_public), count(*) FROM media_files"},
	} {
		err := table.tally.count(func() (seen snapshot, public, all int64, err error) {
			err = queryOne(ctx, c, "", table.sql, nil, func(r *row) {
				seen, public, all = r.snapshot(), r.int64(), r.int64()
			})
			return seen, public, all, err
		})
		if err != nil {
			return err
		}
	}
	t.privateMedia.forget()
	t.privateCollections.forget()
	t.capped.forget()
	return nil
}

// wroteMedia notes that a transaction has made n files of an owner, -1 for a deleted one, public or private.
func (t *totals) wroteMedia(xid uint64, owner int64, public bool, n int64) {
	wrote(&t.media, t.privateMedia, xid, owner, public, n)
}

func (t *totals) wroteCollection(xid uint64, owner int64, public bool, n int64) {
	wrote(&t.collections, t.privateCollections, xid, owner, public, n)
}

func wrote(t *tally, private *memo[int64, int64], xid uint64, owner int64, public bool, n int64) {
	if public {
		t.add(written{xid, n, n})
		return
	}
	t.add(written{xid, 0, n})
	private.drop(owner)
}

// visibleTotal is the number of rows of an unfiltered list: all for whom sees everything, else the public
// ones and the viewer's own. ok is false until the keeper has counted.
func visibleTotal(ctx context.Context, c *pgx.Conn, t *tally, private *memo[int64, int64], v mockapi.Viewer, everything bool, countPrivate string) (total int64, ok bool, err error) {
	public, all, known := t.get()
	switch {
	case !known:
		return 0, false, nil
	case everything:
		return all, true, nil
	case v.UserID == 0:
		return public, true, nil
	}
	own, mark, ok := private.get(v.UserID)
	if !ok {
		err := queryOne(ctx, c, "", countPrivate, []any{v.UserID}, func(r *row) { own = r.int64() })
		if err != nil {
			return 0, false, err
		}
		private.put(v.UserID, own, mark)
	}
	return public + own, true, nil
}

// cappedTotal counts a list up to countCap. from is its FROM and WHERE; key tells apart the lists of the same
// from with other args.
func (t *totals) cappedTotal(ctx context.Context, c *pgx.Conn, key, from string, args []any) (int64, mockapi.TotalKind, error) {
	_, mark, ok := t.capped.get(key)
	if ok {
		return countCap, mockapi.TotalAtLeast, nil
	}
	var n int64
	q := "SELECT count(*) FROM (SELECT " + from + " LIMIT " + strconv.Itoa(countCap+1) + ") AS capped"
	err := queryOne(ctx, c, "", q, args, func(r *row) { n = r.int64() })
	if err != nil || n <= countCap {
		return n, mockapi.TotalExact, err
	}
	t.capped.put(key, struct{}{}, mark)
	return countCap, mockapi.TotalAtLeast, nil
}
