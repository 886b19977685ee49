package recommend

import (
	"fmt"
	"slices"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/observe"
)

// The bounds of the rules on requests that wait for each other in front of the database or in it.
const (
	poolUse      = 80   // percent, the document's limit for db_connection_pool_utilization
	poolWaited   = 0.05 // share of acquires that found no idle connection
	poolTime     = 0.05 // share of all requests' time spent waiting for one
	lockShare    = 0.05 // share of active backends that waited for a lock
	lockSamples  = 20   // active backends that must have been seen
	blockedShare = 0.2  // of the waits, from which a statement is worth naming: five at most
	lockP95      = 50   // ms
)

// pool looks for requests that wait for a connection.
func pool(f *facts) []Recommendation {
	var evidence []string
	gain := 0.0
	waited, acquired := f.increase(observe.PoolWaited), f.increase(observe.PoolAcquired)
	seconds := f.increase(observe.PoolWait)
	if took := share(1000*seconds, f.requestTime); took >= poolTime && share(waited, acquired) >= poolWaited {
		gain = took
		evidence = append(evidence, fmt.Sprintf("%.0f of %.0f acquires waited for a connection, %.1f s in all: %s of the time of all requests", waited, acquired, seconds, percent(took)))
	}
	if h := f.trend("db_connection_pool_utilization"); h != nil && h.Mean() >= poolUse {
		evidence = append(evidence, fmt.Sprintf("db_connection_pool_utilization: %.0f %% on average, the limit is %d %%", h.Mean(), poolUse))
	}
	if len(evidence) == 0 {
		return nil
	}
	if busy, most := f.Observed.Find(observe.PoolBusy), f.Observed.Find(observe.PoolMax); busy != nil && most != nil && len(busy.Points) > 0 && len(most.Points) > 0 {
		peak := 0.0
		for _, p := range busy.Points {
			peak = max(peak, p.Max)
		}
		seen := fmt.Sprintf("%.0f of %.0f connections were seen in use at once", peak, most.Points[0].Value)
		if peak < most.Points[0].Value {
			seen += ", at a look a second or less, which misses peaks; where a target has several pools, one can be full and the others not"
		}
		evidence = append(evidence, seen)
	}
	return []Recommendation{{
		Category: Database, Priority: High, Effort: Low, Gain: gain,
		Title:       "Let requests wait less for a database connection",
		Description: "The connection pool is the bottleneck: requests queue for it before they reach the database.",
		Impact:      "Requests no longer queue; answers become as fast as the database is.",
		Implementation: []string{
			"Hold connections for less time: shorter transactions, no other calls while one is open",
			"Make the statements that hold them faster, see the other recommendations",
			"Enlarge the pool where the database has processors to spare; beyond a few per core, more make it slower",
		},
		Evidence: evidence,
	}}
}

// locks looks for backends that wait for each other.
func locks(f *facts) []Recommendation {
	var evidence []string
	gain := 0.0
	steps := []string{
		"Keep transactions short, and change contended rows last in them",
		"Take locks in one order everywhere, by primary key",
		"Spread counters that everybody raises over several rows, or raise them in batches",
	}
	if d := f.database(); d != nil && d.Active >= lockSamples {
		seen := 0
		var events []string
		for _, w := range d.Waits {
			if w.Type == "Lock" {
				seen += w.Seen
				events = append(events, fmt.Sprintf("%s %d times", w.Event, w.Seen))
			}
		}
		if waiting := share(float64(seen), float64(d.Active)); waiting >= lockShare {
			total := 0.0
			for _, s := range f.statements {
				total += s.TotalTime
			}
			gain = waiting * share(total, f.requestTime)
			evidence = append(evidence, fmt.Sprintf("%s of the active backends waited for a lock: %s", percent(waiting), strings.Join(events, ", ")))
			evidence = append(evidence, f.blocked(seen, total)...)
			if d.IdleHolders > 0 {
				evidence = append(evidence, fmt.Sprintf("in %d of %d looks they waited for a transaction that was idle: its client did something else before the end of it", d.IdleHolders, d.Samples))
				steps = slices.Insert(steps, 0, "End a transaction before waiting for anything else, such as other services or files")
			}
		}
	}
	if h := f.trend("db_lock_wait_time"); h != nil && h.Quantile(0.95) >= lockP95 {
		evidence = append(evidence, fmt.Sprintf("db_lock_wait_time: p95 %.0f ms", h.Quantile(0.95)))
	}
	if n := f.increase(observe.Deadlocks); n > 0 {
		evidence = append(evidence, fmt.Sprintf("%.0f deadlocks", n))
	}
	if len(evidence) == 0 {
		return nil
	}
	return []Recommendation{{
		Category: Database, Priority: High, Effort: Medium, Gain: gain,
		Title:          "Let transactions wait less for each other",
		Description:    "Transactions hold locks that others wait for.",
		Impact:         "Writes go on side by side instead of one after the other.",
		Implementation: steps,
		Evidence:       evidence,
	}}
}

// blocked quotes the statements that make up most of the waits for locks that were seen. total is the time of all
// statements, in milliseconds: it is to the active backends that were seen as a statement's waits are to those in them.
func (f *facts) blocked(seen int, total float64) (quoted []string) {
	for _, b := range f.database().Blocked {
		s := f.statement(b.Statement)
		if s.Calls == 0 || share(float64(b.Seen), float64(seen)) < blockedShare {
			continue
		}
		if share(float64(b.Seen), float64(f.database().Active))*total >= s.TotalTime/2 {
			f.covered[s.ID] = true // nothing else makes it slow
		}
		quoted = append(quoted, fmt.Sprintf("%d of these %d waits were of one statement", b.Seen, seen))
		quoted = append(quoted, f.cost(s)...)
	}
	return quoted
}
