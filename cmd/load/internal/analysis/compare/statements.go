package compare

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/observe"
)

// maxStatements bounds what is kept of a run and what is shown of a change.
const (
	maxStatements      = 100
	maxStatementsShown = 5
)

// Statement is what one statement of the database cost in a run.
type Statement struct {
	Query string `json:"query"`
	// Time is milliseconds a call, Blocks are those hit and read by a call.
	Time   float64 `json:"time"`
	Blocks float64 `json:"blocks"`
	// Calls are those of a request of the endpoint; of all requests, those a second.
	Calls float64 `json:"calls"`
	// PerSecond is the time spent in it over the whole run, ms a second.
	PerSecond float64 `json:"perSecond"`
}

// statementsOf takes what the statements of a run cost from what was observed.
func statementsOf(o *observe.Report, elapsed time.Duration) map[string][]Statement {
	if o == nil || o.Database == nil || elapsed <= 0 {
		return nil
	}
	byID := make(map[int64]Statement)
	var all []Statement
	for _, s := range o.Database.Run() {
		calls := float64(s.Calls)
		if calls == 0 {
			continue
		}
		x := Statement{
			Query: s.Query, Time: s.TotalTime / calls, Calls: calls / elapsed.Seconds(), PerSecond: s.TotalTime / elapsed.Seconds(),
			Blocks: float64(s.BlocksHit+s.BlocksRead) / calls,
		}
		byID[s.ID] = x
		all = append(all, x)
	}
	if len(all) == 0 {
		return nil
	}
	statements := map[string][]Statement{"": all[:min(len(all), maxStatements)]}
	for label, calls := range o.Database.Endpoints {
		for _, call := range calls {
			if x, ok := byID[call.Statement]; ok {
				x.Calls = call.PerRequest
				statements[label] = append(statements[label], x)
			}
		}
	}
	return statements
}

// statements are those of the endpoint whose cost changed, what weighs most first. The baseline's are those of its
// last run that observed the database.
func (c *comparison) statements(label string) []StatementChange {
	var past []Statement
	for _, r := range c.baseline {
		if r.Statements != nil {
			past = r.Statements[label]
		}
	}
	now := c.current.Statements[label]
	if len(past) == 0 || len(now) == 0 {
		return nil
	}
	// The numbers of statements depend on the database, their texts do not.
	was := make(map[string]Statement)
	for _, s := range past {
		was[s.Query] = s
	}
	var changes []StatementChange
	weight := func(x StatementChange) float64 {
		return math.Abs(x.CurrentTime*x.CurrentCalls - x.BaselineTime*x.BaselineCalls)
	}
	for _, s := range now {
		b, known := was[s.Query]
		delete(was, s.Query)
		x := StatementChange{
			Query: s.Query, BaselineTime: b.Time, CurrentTime: s.Time, BaselineCalls: b.Calls, CurrentCalls: s.Calls,
			BaselineBlocks: b.Blocks, CurrentBlocks: s.Blocks, ChangePerSecond: s.PerSecond - b.PerSecond,
		}
		if !known {
			x.OnlyIn = "current"
		}
		if !known || differ(b.Time, s.Time) || differ(b.Blocks, s.Blocks) || label != "" && differ(b.Calls, s.Calls) {
			changes = append(changes, x)
		}
	}
	for _, b := range was {
		changes = append(changes, StatementChange{
			Query: b.Query, BaselineTime: b.Time, BaselineCalls: b.Calls, BaselineBlocks: b.Blocks, OnlyIn: "baseline", ChangePerSecond: -b.PerSecond,
		})
	}
	slices.SortFunc(changes, func(a, b StatementChange) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a.Query, b.Query))
	})
	return changes[:min(len(changes), maxStatementsShown)]
}

// differ tells whether a cost changed by more than the threshold of times.
func differ(a, b float64) bool { return math.Abs(b-a) > TimeThreshold/100*math.Max(a, b) }
