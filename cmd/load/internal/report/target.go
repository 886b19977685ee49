package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/observe"
)

// statementsShown is how many statements the text shows.
const statementsShown = 3

// target tells what was seen of the target besides its answers. That its process tells nothing is worth no word, but
// what a database does not is, to which access was given.
func (t *text) target() {
	o := t.Observed
	if o == nil {
		return
	}
	var lines []string
	line := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if m := o.Find(observe.ResidentMemory); m != nil {
		line("memory %s → %s", Bytes(m.Points[0].Value), Bytes(m.Points[len(m.Points)-1].Value))
	}
	if acquired := o.Find(observe.PoolAcquired).Increase(); acquired > 0 {
		line("%s of %s acquires waited for a connection", Percent(o.Find(observe.PoolWaited).Increase()/acquired), Number(acquired))
	}
	for _, at := range o.Restarts {
		line("%s another process than before, from %s on", t.mark(false), at.Round(time.Second))
	}
	statements := o.Database.Run()
	total := 0.0
	for _, s := range statements {
		total += s.TotalTime
	}
	for i, s := range statements {
		if i == statementsShown || s.Calls == 0 {
			break
		}
		line("%s of the database's time, %s a call: %s", Percent(s.TotalTime/total), t.time(s.TotalTime/float64(s.Calls)),
			shortened(strings.Join(strings.Fields(s.Query), " ")))
	}
	if o.Database != nil {
		for _, m := range o.Missing {
			line("not observed: %s", m)
		}
	}
	if len(lines) == 0 {
		return
	}
	t.title("TARGET")
	for _, l := range lines {
		t.line("    %s", l)
	}
}
