package recommend

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/loopback"
	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// The bounds of the rules on what the target runs on.
const (
	brokenShare  = 0.001 // of requests that were not answered at all
	connectShare = 0.05  // of all requests' time that went into connections
	madeShare    = 0.2   // of requests that made one
	refusedShare = 0.9   // of the requests of a target that is gone; some wait for a time-out instead
	droppedShare = 0.01  // of iterations that were never started
	cpuShare     = 0.85  // of the processors
	pauseShare   = 0.01  // of the time in which garbage collection stopped the target
	soon         = 24 * time.Hour
)

func generator(f *facts) []Recommendation {
	return []Recommendation{{
		Category: Infrastructure, Priority: Critical, Effort: Low,
		Title:       "Generate the load elsewhere, or less of it",
		Description: "The load generator was the bottleneck: what it measured says little about the target.",
		Impact:      "A run whose figures are the target's.",
		Implementation: []string{
			"Run load on a machine of its own, or pin target and generator to cores of their own",
			"Use fewer users or a lower rate",
		},
		Evidence: f.Health.Reasons,
	}}
}

// unreachable tells when a target was not there any more, which the rules on errors and connections leave alone.
func unreachable(f *facts) []Recommendation {
	if f.gone == nil {
		return nil
	}
	when := "all along"
	if f.gone.at > 0 {
		when = fmt.Sprintf("from %v of the run on, of %v", f.gone.at.Round(time.Second), f.Run.Elapsed.Round(time.Second))
	}
	return []Recommendation{{
		Category: Infrastructure, Priority: Critical, Effort: Medium,
		Title:       "Find out why the target stopped answering",
		Description: "Nothing listened any more where the target was: connections were refused until the run's end.",
		Impact:      "A run that says something of all its time: only what was before that is about the target.",
		Implementation: []string{
			"Look in the target's log for its last words, and in the kernel's for a process killed for want of memory",
			"Let a supervisor start it again, and test that under load",
			"Repeat the run: these figures are of a target that was there for a part of it",
		},
		Evidence: []string{fmt.Sprintf("%s, %d of %d requests failed: %s", when, f.gone.refused, f.gone.requests, client.Refused)},
	}}
}

// connections looks for requests that got no answer.
func connections(f *facts) []Recommendation {
	broken, of := f.failed(func(x report.Failure) bool { return x.Kind != "" })
	if of <= brokenShare {
		return nil
	}
	return []Recommendation{{
		Category: Infrastructure, Priority: High, Effort: Medium,
		Title:       "Keep connections up",
		Description: "Connections break or time out.",
		Impact:      "Fewer requests that users have to repeat.",
		Implementation: []string{
			"Compare the idle time-outs of balancer, proxy and server: who is asked must keep connections longest",
			"Look for a full backlog, a limit of files or of connections, and processes that end",
		},
		Evidence: append([]string{fmt.Sprintf("%s of the requests got no answer", percent(of))}, quoteFailures(broken)...),
	}}
}

// connectionReuse looks for time that goes into making connections. The first connection of each user is no sign of
// anything, however short the run: it takes connections for a good part of the requests.
func connectionReuse(f *facts) []Recommendation {
	connecting, tls := f.trend("http_req_connecting"), f.trend("http_req_tls_handshaking")
	if connecting == nil || tls == nil || f.gone != nil { // what was refused counts as connecting, too
		return nil
	}
	made := uint64(0)
	connecting.Each(func(ms float64, n uint64) bool {
		if ms > 0 {
			made += n
		}
		return true
	})
	spent := connecting.Sum() + tls.Sum()
	took := share(spent, f.requestTime+spent) // http_req_duration is without
	if took < connectShare || share(float64(made), float64(connecting.Count())) <= madeShare {
		return nil
	}
	return []Recommendation{{
		Category: Infrastructure, Priority: Medium, Effort: Low, Gain: took,
		Title:       "Use connections again",
		Description: "Connections are made anew for many of the requests.",
		Impact:      "No time lost in handshakes, neither the clients' nor the target's.",
		Implementation: []string{
			"Keep connections alive between requests: look for Connection: close in answers, and for a low limit of requests a connection",
			"Raise idle time-outs above the time that users think between requests",
		},
		Evidence: []string{fmt.Sprintf("%d of %d requests made a connection: %s of the time of all requests and connections", made, connecting.Count(), percent(took))},
	}}
}

// capacity looks for work that was asked for and not done.
func capacity(f *facts) []Recommendation {
	var evidence []string
	dropped, iterations := 0.0, 0.0
	for _, s := range f.Test.Scenarios {
		dropped += float64(s.Dropped)
		iterations += float64(s.Iterations)
	}
	of := share(dropped, dropped+iterations)
	if of >= droppedShare {
		evidence = append(evidence, fmt.Sprintf("%.0f of %.0f iterations that were due could not be started, because all users waited for answers", dropped, dropped+iterations))
	}
	for _, t := range f.Thresholds {
		if t.State == "failed" && strings.HasPrefix(t.Selector, "http_reqs") {
			evidence = append(evidence, fmt.Sprintf("%s %s: %.1f", t.Selector, t.Source, t.Value))
		}
	}
	if f.Recovery != nil && !f.Recovery.InTime {
		evidence = append(evidence, f.Recovery.String())
	}
	if len(evidence) == 0 {
		return nil
	}
	priority := Medium
	if of >= 10*droppedShare {
		priority = High
	}
	return []Recommendation{{
		Category: Infrastructure, Priority: priority, Effort: Medium,
		Title:       "Raise the throughput",
		Description: "The target can't take the load that the test is about.",
		Impact:      "More users at once, and less queueing for each.",
		Implementation: []string{
			"Remove the bottleneck that the other recommendations name, if they do",
			"Run more instances behind a balancer",
			"Find the highest rate that still meets the limits with load run stress, and keep a distance from it",
		},
		Evidence: evidence,
	}}
}

// targetCPU looks for a target that uses up its processors. How many it has is known where it runs beside load.
func targetCPU(f *facts) []Recommendation {
	elapsed := f.Run.Elapsed.Seconds()
	used := share(f.increase(observe.CPUSeconds), elapsed)
	if f.Machine.Cores == 0 || !f.local() || used < cpuShare*float64(f.Machine.Cores) {
		return nil
	}
	return []Recommendation{{
		Category: Infrastructure, Priority: Medium, Effort: Medium,
		Title:       "Give the target more processor, or less to do",
		Description: "The target's process uses the processors that there are.",
		Impact:      "Queues for the processor go away.",
		Implementation: []string{
			"Take a CPU profile under this load and begin with its widest path",
			"Run more instances, or larger ones",
		},
		Evidence: []string{fmt.Sprintf("the target used %.2f processors on average, of the machine's %d", used, f.Machine.Cores)},
	}}
}

// local tells whether all targets are on the machine of the generator.
func (f *facts) local() bool {
	targets := f.TargetURLs()
	for _, base := range targets {
		u, err := url.Parse(base)
		if err != nil {
			return false
		}
		if !loopback.Is(u.Hostname()) {
			return false
		}
	}
	return len(targets) > 0
}

// garbage looks for a target that stands still to collect garbage.
func garbage(f *facts) []Recommendation {
	elapsed := f.Run.Elapsed.Seconds()
	pauses, times := f.increase(observe.GCPauseSeconds), f.increase(observe.GCCount)
	if elapsed <= 0 || pauses/elapsed < pauseShare {
		return nil
	}
	return []Recommendation{{
		Category: Infrastructure, Priority: Medium, Effort: Low, Gain: pauses / elapsed,
		Title:       "Collect less garbage",
		Description: "Garbage collection stops the target often or for long.",
		Impact:      "Shorter tails: a request that meets a pause waits for its end.",
		Implementation: []string{
			"Raise GOGC, or set GOMEMLIMIT, where there is memory to spare",
			"Take an allocation profile, and use buffers again on the widest path",
		},
		Evidence: []string{fmt.Sprintf("%.0f collections stopped the target for %.2f s of %.0f s", times, pauses, elapsed)},
	}}
}

// drift passes on what the judgement of a long run has found.
func drift(f *facts) []Recommendation {
	var found []Recommendation
	for _, t := range f.Trends {
		if !t.Bad {
			continue
		}
		x := Recommendation{
			Category: Infrastructure, Priority: High, Effort: Medium,
			Title:       "Stop the drift of " + t.Quantity,
			Description: "It gets worse the longer the target runs.",
			Impact:      "A target that works as well after days as after minutes.",
			Implementation: []string{
				"Compare heap profiles, or the sizes of tables and caches, of the beginning and the end of the run",
				"Bound what grows: caches, queues, sessions, logs",
				"Until then, restart instances in turn before the limit is reached",
			},
			Evidence: []string{t.Reason},
		}
		if t.Reaches > 0 && t.Reaches <= soon {
			x.Priority = Critical
		}
		found = append(found, x)
	}
	return found
}

func restarts(f *facts) []Recommendation {
	if f.Observed == nil || len(f.Observed.Restarts) == 0 {
		return nil
	}
	var at []string
	for _, t := range f.Observed.Restarts {
		at = append(at, t.Round(time.Second).String())
	}
	return []Recommendation{{
		Category: Infrastructure, Priority: High, Effort: Medium,
		Title:       "Find out why the target was restarted",
		Description: "The target's process was another one than before.",
		Impact:      "No requests lost while it starts, no caches that are cold again.",
		Implementation: []string{
			"Look for the end of the process before: the kernel's log for want of memory, the supervisor's for failed probes",
			"Drain connections before a wanted restart",
		},
		Evidence: []string{fmt.Sprintf("%d restarts, after %s of the run", len(at), strings.Join(at, ", "))},
	}}
}
