package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// A page of files that pass a filter can be had in two ways, and the wrong one is a thousand times slower:
//
//   - Walk the index of the list's order and keep what passes. Where one file in ten does, a page of 20 is full
//     after 200 steps.
//   - Find all files that pass, by the filter's own index, and sort them. Where one in ten does, those are 100,000.
//
// PostgreSQL guesses how many files pass each condition, and takes the conditions and the order to have nothing
// to do with one another: it walks through 300,000 videos in search of the largest PDF, and one plan serves the
// commonest word and the rarest. So a listing looks first: a short walk fills the page or tells how common the
// files are, then comes a longer walk or all of them, whichever should be shorter. What was best is remembered
// for the next time. BenchmarkSearch and BenchmarkFilters show what that gives.
const (
	firstWalk = 256    // files; where every tenth passes, it ends early with a page of 20
	longWalk  = 20_000 // files, at most: about 30 ms
	allFiles  = 1_000_000
)

// condition is a part of a WHERE, with a $ for each of its values.
type condition struct {
	sql    string
	values []any
}

// listing is a filtered list of media files in an order.
type listing struct {
	order  mediaOrder
	window window
	viewer int64       // who sees public files and their own; 0 where seen tells who sees what
	seen   []condition // what the viewer sees, and what the order's index narrows down to
	passed []condition // what files must be looked at for
	rare   bool        // it is known that few files pass
	all    []condition // by which to find all files, seen and passed, but not what viewer adds
	// plan is put before the arguments of statements that must not get a plan for any values.
	plan []any
	// hints remembers how many steps to begin with, by key; 0 for none at all.
	hints *memo[string, int]
}

// How much is remembered, and for how long.
const (
	hintsKept  = 2000
	hintMemory = time.Minute
)

// key is the same for listings of the same order and filter, whoever asks.
func (l *listing) key() string { return fmt.Sprint(l.order.letter, l.passed) }

func (w *where) all(conditions []condition) {
	for _, c := range conditions {
		w.and(c.sql, c.values...)
	}
}

// publicOrOwn is what a viewer sees who is no admin, whose id it takes.
const publicOrOwn = "(is_public OR user_id = $)"

// mayBeSeen adds the condition for what the listing's viewer sees.
func (l *listing) mayBeSeen(w *where) {
	if l.viewer != 0 {
		w.and(publicOrOwn, l.viewer)
	}
}

// find returns a page of the listing. Its total is exact where all files were found or the page shows the end,
// and else, after a walk, what was seen and one more: counting on would take longer than finding the page.
// Where there is nothing to look at files for, the total is left to the caller.
func (l *listing) find(ctx context.Context, c *pgx.Conn) (mockapi.Page[mockapi.Media], error) {
	if len(l.passed) == 0 {
		items, err := l.ordered(ctx, c)
		return page(items, l.window, l.order.place), err
	}
	if l.rare {
		return l.every(ctx, c)
	}
	if l.window.offset > 0 {
		return l.search(ctx, c, firstWalk+4*l.window.offset, func(int) {})
	}
	key := l.key()
	steps, promise, known := l.hints.get(key)
	if !known {
		steps = firstWalk
	}
	return l.search(ctx, c, steps, func(best int) {
		if !known {
			l.hints.put(key, best, promise)
		} else if best != steps {
			l.hints.drop(key)
		}
	})
}

// search walks some steps, then more or not, then finds all files, as far as it must. It tells learn how many
// steps would have been best to begin with.
func (l *listing) search(ctx context.Context, c *pgx.Conn, steps int, learn func(best int)) (mockapi.Page[mockapi.Media], error) {
	enough := l.window.rows()
	need := l.window.offset + enough
	for steps > 0 {
		items, err := l.walk(ctx, c, steps)
		if err != nil || len(items) == enough {
			learn(steps)
			return l.walked(items), err
		}
		if steps >= longWalk {
			steps = 0 // few pass, or none of the newest, and these are many: a walk is no good either way
			break
		}
		// A step of a walk takes about as long as a file that an index has found: one or two microseconds. Where
		// nothing was found the files are rare, or the newest are unlike the others, as uploads of one test are:
		// only a long walk tells, and it costs less than finding all of what is common.
		next := longWalk
		if hits := l.window.offset + len(items); len(items) > 0 {
			next = 2 * steps * need / hits // twice what it should take
			if next >= allFiles/steps*hits {
				break
			}
		}
		steps = min(max(next, 2*steps), longWalk)
	}
	found, err := l.every(ctx, c)
	if err != nil {
		return found, err
	}
	best := 2 * need * allFiles / int(found.Total+1)
	if steps == 0 || best <= steps || best >= longWalk || best/2 >= int(found.Total) {
		best = 0
	}
	learn(best)
	return found, nil
}

func (l *listing) walked(items []mockapi.Media) mockapi.Page[mockapi.Media] {
	p := page(items, l.window, l.order.place)
	p.Total, p.TotalKind = int64(l.window.offset+len(items)), mockapi.TotalAtLeast
	return p
}

// past adds the condition that rows come after the window's cursor, if it has one.
func (l *listing) past(w *where) {
	if a := l.window.after; a != nil {
		w.and(l.order.past(), l.order.edge(a), a.id)
	}
}

func (l *listing) limits(w *where) string {
	return " LIMIT " + w.param(l.window.rows()) + " OFFSET " + w.param(l.window.offset)
}

// files selects the first files after the cursor that are seen, limit of them. In an order by time they are merged
// from the public ones and the viewer's own private ones, each along an index of their own: other people's private
// files, of which a test may have uploaded a million just now, are not walked through.
func (l *listing) files(w *where, limit string) string {
	read := func(whose string, values ...any) string {
		part := from("FROM media_files m")
		part.args = w.args
		if whose != "" {
			part.and(whose, values...)
		}
		part.all(l.seen)
		l.past(part)
		w.args = part.args
		return "SELECT " + mediaColumns + " " + part.String() + l.order.by() + " LIMIT " + limit
	}
	switch {
	case l.viewer == 0:
		return read("")
	case l.order.column != "created_at":
		return read(publicOrOwn, l.viewer)
	}
	return "SELECT " + mediaColumns + " FROM ((" + read("is_public") + ") UNION ALL (" + read("user_id = $ AND NOT is_public", l.viewer) +
		")) AS m" + l.order.by() + " LIMIT " + limit
}

// ordered reads the page along the order's index, or the owner's.
func (l *listing) ordered(ctx context.Context, c *pgx.Conn) ([]mockapi.Media, error) {
	list := new(where)
	list.args = append(list.args, l.window.offset+l.window.rows(), l.window.offset)
	sql := "SELECT " + mediaColumns + " FROM (" + l.files(list, "$1") + ") AS m" + l.order.by() + " OFFSET $2"
	return collect(ctx, c, l.window, sql, planned(list.args), scanMedia)
}

// walk looks for the page in the first n files after the cursor.
func (l *listing) walk(ctx context.Context, c *pgx.Conn, n int) ([]mockapi.Media, error) {
	list := new(where)
	var limit string
	var plan []any
	if n == firstWalk {
		limit = strconv.Itoa(n) // a plan for any limit would be one for a tenth of the table
	} else {
		limit = list.param(n)
		plan = []any{pgx.QueryExecModeCacheDescribe}
	}
	files := l.files(list, limit)
	steps := from("FROM (" + files + ") AS m")
	steps.args = list.args
	steps.all(l.passed)
	sql := "SELECT " + mediaColumns + " " + steps.String() + l.order.by() + l.limits(steps)
	return collect(ctx, c, l.window, sql, append(plan, steps.args...), scanMedia)
}

// every finds the ids of all files, sorts and counts them, and reads those of the page. MATERIALIZED keeps
// PostgreSQL from walking instead.
func (l *listing) every(ctx context.Context, c *pgx.Conn) (mockapi.Page[mockapi.Media], error) {
	list := from("FROM media_files m")
	l.mayBeSeen(list)
	list.all(l.all)
	found := "WITH found AS MATERIALIZED (SELECT id, " + l.order.column + " " + list.String() + ") "
	count := found + "SELECT count(*) FROM found"
	countArgs := append(l.plan, list.args...)

	part := from("FROM found")
	part.args = list.args
	l.past(part)
	sql := found + "SELECT (SELECT count(*) FROM found), " + mediaColumns + " FROM (SELECT id " + part.String() + l.order.by() +
		l.limits(part) + ") AS page JOIN media_files USING (id)" + l.order.by()
	var total int64
	items, err := collect(ctx, c, l.window, sql, append(l.plan, part.args...), func(r *row, m, before *mockapi.Media) {
		total = r.int64()
		scanMedia(r, m, before)
	})
	if err == nil && len(items) == 0 && (l.window.offset > 0 || l.window.after != nil) {
		err = queryOne(ctx, c, "", count, countArgs, func(r *row) { total = r.int64() })
	}
	p := page(items, l.window, l.order.place)
	p.Total, p.TotalKind = total, mockapi.TotalExact
	return p, err
}
