package query

import (
	"fmt"
	"strings"
	"time"
)

// Bounds of a statement's work.
const (
	// shortWalk is how many files are looked at before an index that may find too many is asked: enough where
	// one in twenty matches.
	shortWalk = 400
	// maxDriven is how many files an index may find to be taken as the way to the answer. With more, matches
	// are so frequent that walking from the newest file meets a page of them about as soon.
	maxDriven = 4000
	// DefaultBudget is how many files a statement looks at, newest first, before it stops without a full page;
	// fewer for costly queries.
	DefaultBudget = 40_000
	// walkWork and the costs of a row bound both by time, in tenths of a microsecond.
	walkWork  = 600_000
	rowCost   = 15
	probeCost = 30
)

// Cursor is a place in the list of files, newest first: the answer goes on behind it.
type Cursor struct {
	CreatedAt time.Time
	ID        int64
}

// Page says which part of the answer a Statement gives.
type Page struct {
	// Limit is how many files to find, from 1.
	Limit int
	// After is where the page before ended, nil for the first page.
	After *Cursor
	// Columns is the SQL select list, over the alias m of media_files. It is pasted into the statement, so it
	// must be the program's own text. Empty stands for m.id, m.created_at.
	Columns string
	// Budget is how many files to look at before stopping without a full page: 0 for DefaultBudget, negative
	// for as many as there are.
	Budget int
}

// Statement is the whole search: the newest files that match and that the viewer may see. Each row has the
// page's columns and at last a boolean, hit. There are at most Limit+1 hits, newest first, the last one only
// to tell that there are more. Where the budget ran out before, one row follows whose hit is false: the last
// file that was looked at, which need not match nor be visible. The search goes on behind it, and only its
// place may be told. Cut sorts that out.
//
// How the answer is found is decided as the statement runs and by what the indexes really hold, not by the
// planner's estimates: drivers, which are indexes that find all matches, are asked for a bounded number of ids;
// the first one with fewer leads to the answer, and without one the files are walked from the newest on. The
// shape of every part is fixed, so that a generic plan is as good as a custom one and need not be made anew
// for every call.
func (q *Query) Statement(v Viewer, now time.Time, page Page) (sql string, args []any) {
	s := newStatement(q, v, now, page)
	return s.build(), s.args
}

// Plan tells what a Statement is going to do.
type Plan struct {
	Walk      string   `json:"walk"`      // the order walked: newest, or owner for the files of one user
	ShortWalk int      `json:"shortWalk"` // files looked at before the drivers are asked; 0: they are asked first, or there are none
	Drivers   []string `json:"drivers"`   // the fields whose index is asked, in order
	MaxDriven int      `json:"maxDriven"` // how many files a driver may find to be used
	Budget    int      `json:"budget"`    // how many files are walked at most; 0 is all
}

// Plan describes the Statement of the same arguments.
func (q *Query) Plan(v Viewer, page Page) Plan {
	return newStatement(q, v, time.Time{}, page).plan
}

// Cut makes a page of the rows of a Statement. at gives the place of a row and its hit. next is where the next
// page starts, nil after the last one; complete is false where the budget ran out, so that next may lead to
// more although items are fewer than limit.
func Cut[T any](rows []T, limit int, at func(T) (place Cursor, hit bool)) (items []T, next *Cursor, complete bool) {
	complete = true
	if n := len(rows); n > 0 {
		if place, hit := at(rows[n-1]); !hit {
			rows, next, complete = rows[:n-1], &place, false
		}
	}
	if len(rows) > limit {
		rows = rows[:limit]
		place, _ := at(rows[limit-1])
		next = &place
	}
	return rows, next, complete
}

type statement struct {
	*compiler
	plan    Plan
	page    Page
	drivers []driver
	filter  string // what a row of m must hold
	window  string // the part of it that bounds the walk, over m too
	keyset  string
}

func newStatement(q *Query, v Viewer, now time.Time, page Page) *statement {
	page.Limit = max(page.Limit, 1)
	if page.Columns == "" {
		page.Columns = "m.id, m.created_at"
	}
	s := &statement{compiler: newCompiler(v, now, 1), page: page, drivers: q.drivers()}
	s.filter = s.visible("m") + " AND " + s.node(q.root, false)
	s.keyset = "true"
	if after := page.After; after != nil {
		s.keyset = fmt.Sprintf("(m.created_at, m.id) < (%s, %s)", s.param(after.CreatedAt, "timestamptz"), s.param(after.ID, "bigint"))
	}
	s.plan = Plan{Walk: "newest", MaxDriven: clamp(walkWork/(probeCost+q.cost), 200, maxDriven)}
	s.window = s.keyset + s.bounds(q)
	switch {
	case page.Budget == 0:
		s.plan.Budget = clamp(walkWork/(rowCost+q.cost), 500, DefaultBudget)
	case page.Budget > 0:
		s.plan.Budget = page.Budget
	}
	if s.plan.Walk == "owner" {
		// The owner's files are few as it is, and their order is an index's.
		s.drivers = nil
	}
	if len(s.drivers) > 0 && s.drivers[0].rank > rankSure {
		s.plan.ShortWalk = shortWalk
	}
	for _, d := range s.drivers {
		s.plan.Drivers = append(s.plan.Drivers, d.name)
	}
	return s
}

func clamp(n, low, high int) int { return max(low, min(n, high)) }

// bounds are the conditions that every match meets and that an index in order of age can use.
func (s *statement) bounds(q *Query) string {
	conjuncts, ok := q.root.(and)
	if !ok {
		conjuncts = and{q.root}
	}
	var b strings.Builder
	for _, n := range conjuncts {
		l, ok := n.(*leaf)
		if !ok {
			continue
		}
		iv, isInterval := l.test.(interval)
		t, isTruth := l.test.(truth)
		switch {
		case l.field.name == "created_at" && isInterval:
			b.WriteString(" AND " + s.interval("m.created_at", l.field, iv))
		case s.plan.Walk == "owner":
		case l.field.name == "user_id" && isInterval && iv.equal():
			b.WriteString(" AND " + s.interval("m.user_id", l.field, iv))
			s.plan.Walk = "owner"
		case l.field.name == "is_public" && isTruth && !bool(t) && !s.viewer.All:
			// The private files that one sees are one's own.
			b.WriteString(" AND m.user_id = " + s.viewerParam())
			s.plan.Walk = "owner"
		}
	}
	return b.String()
}

const newestFirst = "ORDER BY m.created_at DESC, m.id DESC"

// walk selects the files of the window that pass the filter, out of the newest ones.
func (s *statement) walk(gate string, budget int) string {
	limit := ""
	if budget > 0 {
		limit = fmt.Sprintf(" LIMIT %d", budget)
	}
	return fmt.Sprintf("(SELECT m.* FROM (SELECT m.* FROM media_files m WHERE %s%s %s%s) m WHERE %s %s LIMIT %d)",
		s.window, gate, newestFirst, limit, s.filter, newestFirst, s.page.Limit+1)
}

// build writes the statement. Of its parts only those run whose gate opens: a condition without columns is
// tested once, before the part is touched.
func (s *statement) build() string {
	var parts, hits []string // common table expressions; where the hits come from
	add := func(name, format string, args ...any) {
		parts = append(parts, name+" AS MATERIALIZED ("+fmt.Sprintf(format, args...)+")")
	}
	gate := "" // of the long walk
	if len(s.drivers) > 0 {
		const chosen = "(SELECT n FROM choice)"
		choice := "SELECT CASE"
		if s.plan.ShortWalk > 0 {
			add("short", "%s", s.walk("", s.plan.ShortWalk))
			choice += fmt.Sprintf(" WHEN (SELECT count(*) FROM short) > %d THEN -1", s.page.Limit)
			hits = append(hits, "SELECT * FROM short WHERE "+chosen+" = -1")
		}
		var ids []string
		for i, d := range s.drivers {
			add(fmt.Sprintf("driver%d", i+1), "%s", s.probe(d))
			choice += fmt.Sprintf(" WHEN (SELECT count(*) FROM driver%d) <= %d THEN %d", i+1, s.plan.MaxDriven, i+1)
			ids = append(ids, fmt.Sprintf("SELECT id FROM driver%d WHERE %s = %d", i+1, chosen, i+1))
		}
		add("choice", "%s ELSE 0 END AS n", choice)
		// Sorted first and filtered then, newest first and only as far as needed: filters may cost more than sorting.
		hits = append(hits, fmt.Sprintf("(SELECT m.* FROM (SELECT m.* FROM (SELECT DISTINCT id FROM (%s) d) d CROSS JOIN LATERAL (SELECT m.* FROM media_files m WHERE m.id = d.id OFFSET 0) m WHERE %s %s OFFSET 0) m WHERE %s %s LIMIT %d)",
			strings.Join(ids, " UNION ALL "), s.window, newestFirst, s.filter, newestFirst, s.page.Limit+1))
		gate = " AND " + chosen + " = 0"
	}
	hits = append(hits, s.walk(gate, s.plan.Budget))
	add("hits", "%s", strings.Join(hits, " UNION ALL "))

	found := "SELECT m.*, true AS hit FROM hits m"
	if s.plan.Budget > 0 {
		found += fmt.Sprintf(" UNION ALL (SELECT m.*, false AS hit FROM media_files m WHERE %s%s AND (SELECT count(*) FROM hits) <= %d %s OFFSET %d LIMIT 1)",
			s.window, gate, s.page.Limit, newestFirst, s.plan.Budget-1)
	}
	return fmt.Sprintf("WITH %s SELECT %s, m.hit FROM (%s) m ORDER BY m.hit DESC, m.created_at DESC, m.id DESC",
		strings.Join(parts, ", "), s.page.Columns, found)
}

// probe selects one id more than a driver may find.
func (s *statement) probe(d driver) string {
	var list []string
	for _, p := range d.probes {
		list = append(list, fmt.Sprintf("SELECT id FROM (%s) p LIMIT %d", p(s.compiler), s.plan.MaxDriven+1))
	}
	if len(list) == 1 {
		return list[0]
	}
	return fmt.Sprintf("SELECT id FROM ((%s)) p LIMIT %d", strings.Join(list, ") UNION ALL ("), s.plan.MaxDriven+1)
}
