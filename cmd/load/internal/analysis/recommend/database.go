package recommend

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/observe"
)

// The bounds of the rules on the database.
const (
	scanRows      = 10_000 // rows of a table for which a sequential scan is worth an index
	scanCost      = 0.3    // share of the plan's cost that the scan is
	statementTime = 0.02   // share of all requests' time from which a statement matters
	slowMean      = 50     // ms a call
	queryP95      = 200    // ms, the document's limit for db_query_time
	repeated      = 5      // calls of one statement by one request
	hitRatio      = 0.95   // of the buffer cache
	readBlocks    = 10_000 // 80 MB, that must have been read from disk besides
	tempBytes     = 100e6  // written by sorts and hashes
	deadShare     = 0.2    // the default of autovacuum_vacuum_scale_factor
	deadLeast     = 10_000 // rows
)

// missingIndex looks at the plans of the statements that took the most time for scans of whole tables. What was seen of
// one table is one recommendation: an index often serves several statements.
func missingIndex(f *facts) []Recommendation {
	var found []Recommendation
	of := make(map[string]int) // by table, the place in found
	for _, p := range plans(f) {
		s := f.statement(p.Statement)
		for _, scan := range p.Scans {
			gain := share(s.TotalTime, f.requestTime) * scan.Cost
			if s.Calls == 0 || scan.Rows < scanRows || scan.Cost < scanCost || gain < statementTime*scanCost {
				continue
			}
			f.covered[s.ID] = true
			i, known := of[scan.Table]
			if !known {
				i = len(found)
				of[scan.Table] = i
				found = append(found, Recommendation{
					Category: Database, Priority: Medium, Effort: Low,
					Title:       "Add an index to " + scan.Table,
					Description: fmt.Sprintf("All %.0f rows of %s are read to find those that are wanted.", scan.Rows, scan.Table),
					Impact:      "With an index, most of the time of the statements below goes away.",
					Implementation: []string{
						fmt.Sprintf("CREATE INDEX CONCURRENTLY ON %s for the columns of: %s", scan.Table, scan.Filter),
						"Run EXPLAIN (ANALYZE, BUFFERS) before and after, and keep the index only where it is used",
					},
				})
			}
			x := &found[i]
			if known {
				x.Implementation[0] += "; " + scan.Filter
			}
			x.Gain += gain
			if x.Gain >= 0.1 || s.TotalTime/float64(s.Calls) >= slowMean {
				x.Priority = High
			}
			x.Evidence = append(x.Evidence, f.cost(s)...)
			x.Evidence = append(x.Evidence, fmt.Sprintf("plan: Seq Scan on %s, filter %s, %s of the plan's cost", scan.Table, scan.Filter, percent(scan.Cost)))
			break // one index a statement; the next run shows whether another is wanted
		}
	}
	return found
}

// slowStatement looks for statements that take long and for which no index was recommended. The document's rule is on
// db_query_time, of which the statements are the explanation.
func slowStatement(f *facts) []Recommendation {
	var evidence []string
	gain := 0.0
	for _, s := range f.statements {
		took := share(s.TotalTime, f.requestTime)
		if f.covered[s.ID] || s.Calls == 0 || s.TotalTime/float64(s.Calls) < slowMean || took < statementTime {
			continue
		}
		f.covered[s.ID] = true
		gain += took / 2
		if len(evidence) < 6 {
			evidence = append(evidence, f.cost(s)...)
		}
	}
	priority := Medium
	if h := f.trend("db_query_time"); h != nil && h.Quantile(0.95) > queryP95 {
		priority = High
		evidence = append(evidence, fmt.Sprintf("db_query_time: p95 %.0f ms, the limit is %d ms", h.Quantile(0.95), queryP95))
	}
	if len(evidence) == 0 {
		return nil
	}
	return []Recommendation{{
		Category: Database, Priority: priority, Effort: Medium, Gain: gain,
		Title:       "Make slow queries faster",
		Description: "Queries take long, and not for want of an index that their plans show.",
		Impact:      "Pages that wait for these queries answer sooner, and connections are free again sooner.",
		Implementation: []string{
			"Read fewer rows: page by key instead of by number, aggregate beforehand, ask only for the columns that are used",
			"Compare estimated and actual rows with EXPLAIN (ANALYZE, BUFFERS); ANALYZE or extended statistics where they differ tenfold",
			"Keep answers that may be a moment old in a cache",
		},
		Evidence: evidence,
	}}
}

// nPlusOne looks for statements that one request runs again and again.
func nPlusOne(f *facts) []Recommendation {
	d := f.database()
	if d == nil {
		return nil
	}
	var ids []int64 // of statements that are repeated, those of the endpoints that took the most time first
	repeats := make(map[int64][]repeat)
	for _, e := range f.endpoints {
		for _, call := range d.Endpoints[e.Label] {
			if call.PerRequest < repeated {
				continue
			}
			if len(repeats[call.Statement]) == 0 {
				ids = append(ids, call.Statement)
			}
			repeats[call.Statement] = append(repeats[call.Statement], repeat{e, call.PerRequest})
		}
	}
	var found []Recommendation
	for _, id := range ids {
		f.covered[id] = true
		found = append(found, f.askOnce(f.statement(id), repeats[id]))
	}
	return found
}

// repeat is an endpoint that runs a statement again and again.
type repeat struct {
	endpoint
	times float64 // a request
}

func (f *facts) askOnce(s observe.Statement, by []repeat) Recommendation {
	slices.SortStableFunc(by, func(a, b repeat) int { return cmp.Compare(b.times, a.times) })
	priority := Medium
	if by[0].times >= 4*repeated {
		priority = High
	}
	title := fmt.Sprintf("Ask once instead of %.0f times for %s", by[0].times, by[0].Label)
	if n := len(by) - 1; n > 0 {
		title += fmt.Sprintf(" and %d more", n)
	}
	var evidence []string
	spared := 0.0 // ms
	for i, r := range by {
		spared += float64(r.Requests) * (r.times - 1) * (share(s.TotalTime, float64(s.Calls)) + f.roundTrip(r.endpoint))
		if i < 6 {
			evidence = append(evidence, fmt.Sprintf("%s runs it %.1f times a request", r.Label, r.times))
		}
	}
	return Recommendation{
		Category: Database, Priority: priority, Effort: Medium,
		Gain:        share(spared, f.requestTime),
		Title:       title,
		Description: "One request runs the same statement again and again, once for each row of another one: N+1 queries.",
		Impact:      "One round trip to the database instead of many, which counts the more the farther away it is: the time below is the database's alone.",
		Implementation: []string{
			"Join what belongs together, or fetch all at once with = ANY ($1)",
			"With an ORM, load the relation eagerly",
		},
		Evidence: append(evidence, f.cost(s)...),
	}
}

// roundTrip is a guess, in milliseconds, at what a statement of an endpoint takes besides its time in the database: half
// of what a request takes besides its statements, spread evenly over them.
func (f *facts) roundTrip(e endpoint) float64 {
	calls, took := 0.0, 0.0
	for _, c := range f.database().Endpoints[e.Label] {
		s := f.statement(c.Statement)
		calls += c.PerRequest
		took += c.PerRequest * share(s.TotalTime, float64(s.Calls))
	}
	return share(max(e.Mean-took, 0)/2, calls)
}

// bufferCache looks for data that does not fit into memory.
func bufferCache(f *facts) []Recommendation {
	hit, read := f.increase(observe.BlocksHit), f.increase(observe.BlocksRead)
	if read < readBlocks || share(hit, hit+read) >= hitRatio {
		return nil
	}
	return []Recommendation{{
		Category: Database, Priority: Medium, Effort: Low, Gain: share(read, hit+read) / 2,
		Title:       "Keep more of the database in memory",
		Description: "Much of what queries read is not in the buffer cache.",
		Impact:      "Fewer reads from disk, and answers whose time varies less.",
		Implementation: []string{
			"Raise shared_buffers, a quarter of the memory being the usual start",
			"Read less: indexes that cover the query, fewer columns, pages by key",
			"Warm the cache before a test, as production is",
		},
		Evidence: []string{fmt.Sprintf("%.0f blocks of 8 KiB were found in the cache and %.0f were not: a hit ratio of %s", hit, read, percent(share(hit, hit+read)))},
	}}
}

// sortOnDisk looks for sorts and hashes that do not fit into work_mem.
func sortOnDisk(f *facts) []Recommendation {
	written := f.increase(observe.TempBytes)
	if written < tempBytes {
		return nil
	}
	evidence := []string{fmt.Sprintf("%.0f MB were written to temporary files", written/1e6)}
	for _, s := range f.statements {
		if s.TempBlocks > 0 && len(evidence) < 6 {
			evidence = append(evidence, fmt.Sprintf("%.0f MB by %d calls of: %s", float64(s.TempBlocks)*8192/1e6, s.Calls, oneLine(s.Query)))
		}
	}
	return []Recommendation{{
		Category: Database, Priority: Medium, Effort: Low,
		Title:       "Sort in memory",
		Description: "Sorts and hashes are larger than work_mem and go through files.",
		Impact:      "The statements below take a fraction of their time.",
		Implementation: []string{
			"Raise work_mem for the role that runs them, mindful that each sort of each connection may take as much",
			"Give the order an index, so that there is nothing to sort",
		},
		Evidence: evidence,
	}}
}

// deadRows looks for tables that vacuum has not kept up with.
func deadRows(f *facts) []Recommendation {
	d := f.database()
	if d == nil {
		return nil
	}
	var evidence []string
	for _, t := range d.After.Tables {
		if of := share(float64(t.DeadRows), float64(t.DeadRows+t.LiveRows)); t.DeadRows >= deadLeast && of >= deadShare {
			evidence = append(evidence, fmt.Sprintf("%s has %d dead rows beside %d: %s", t.Name, t.DeadRows, t.LiveRows, percent(of)))
		}
	}
	if len(evidence) == 0 {
		return nil
	}
	return []Recommendation{{
		Category: Database, Priority: Medium, Effort: Low,
		Title:       "Let autovacuum keep up",
		Description: "Updates and deletes leave dead rows behind faster than vacuum takes them away.",
		Impact:      "Tables and indexes stay small, and scans do not walk through rows that are gone.",
		Implementation: []string{
			"Lower autovacuum_vacuum_scale_factor for these tables, to 0.02 for instance",
			"Raise autovacuum_vacuum_cost_limit where vacuum is at work all the time",
			"A fillfactor of 90 lets updates that touch no index stay on their page",
		},
		Evidence: evidence,
	}}
}

func plans(f *facts) []observe.Plan {
	if d := f.database(); d != nil {
		return d.Plans
	}
	return nil
}

// statement returns what a statement did in the run.
func (f *facts) statement(id int64) observe.Statement {
	for _, s := range f.statements {
		if s.ID == id {
			return s
		}
	}
	return observe.Statement{ID: id}
}

// cost quotes a statement, what it took, and the endpoints that run it.
func (f *facts) cost(s observe.Statement) []string {
	mean := share(s.TotalTime, float64(s.Calls))
	quoted := []string{
		"statement: " + oneLine(s.Query),
		fmt.Sprintf("%d calls of %.3g ms, %s of the time of all requests", s.Calls, mean, percent(share(s.TotalTime, f.requestTime))),
	}
	var users []string
	for _, e := range f.endpoints {
		for _, call := range f.database().Endpoints[e.Label] {
			if call.Statement == s.ID {
				users = append(users, e.Label)
			}
		}
	}
	if len(users) > 0 {
		quoted = append(quoted, "run by "+strings.Join(users, ", "))
	}
	return quoted
}

func percent(of float64) string { return fmt.Sprintf("%.3g %%", 100*of) }
