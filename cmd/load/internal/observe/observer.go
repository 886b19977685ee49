package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say what is observed.
type Options struct {
	// Metrics are URLs of which the first that answers in the text format of Prometheus is watched. Nothing but a
	// line in Report.Missing tells where none does, unless Required is set.
	Metrics  []string
	Required bool
	// Others are base URLs of the target's whose processes are not watched, which Report.Missing then tells.
	Others []string
	// Database is PostgreSQL's URL or key=value string, "" for no access to it. The role needs pg_read_all_stats.
	Database string
	// Insecure takes any certificate of the target's.
	Insecure bool
	// Past is what was seen before an interruption, nil for a run that begins, and From the run's time then.
	Past *Report
	From time.Duration
}

// Observer watches a target. A nil one watches nothing.
type Observer struct {
	recorder *recorder
	scraper  *scraper  // nil without metrics
	database *database // nil without a database
	missing  []string

	ticks   []chan time.Duration
	next    time.Duration
	watches sync.WaitGroup
	stop    context.CancelFunc
}

// New looks at what there is to observe, and counts what the database has counted so far. It returns nil where
// nothing is to be observed, and an error for what was asked for and is not there.
func New(ctx context.Context, o Options) (*Observer, error) {
	if len(o.Metrics) == 0 && o.Database == "" {
		return nil, nil
	}
	w := &Observer{recorder: newRecorder(o.Past)}
	if err := w.findMetrics(ctx, o); err != nil {
		return nil, err
	}
	if o.Database != "" {
		var err error
		if w.database, err = connect(ctx, o.Database, o.Past); err != nil {
			w.close()
			return nil, err
		}
	}
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	if w.scraper != nil {
		w.watch(ctx, w.scrape)
	}
	if w.database != nil {
		w.watch(ctx, w.sample)
	}
	return w, nil
}

// findMetrics chooses the URL to scrape.
func (w *Observer) findMetrics(ctx context.Context, o Options) error {
	var errs []error
	for _, url := range o.Metrics {
		s := newScraper(url, o.Insecure)
		values, err := s.scrape(ctx)
		if err == nil {
			w.scraper = s
			w.take(o.From, values)
			if len(o.Others) > 0 {
				w.missing = append(w.missing, fmt.Sprintf("the processes at %s: only one is watched, at %s", strings.Join(o.Others, ", "), url))
			}
			return nil
		}
		s.close()
		errs = append(errs, fmt.Errorf("%s: %w", url, err))
	}
	if len(errs) == 0 {
		return nil
	}
	err := errors.Join(errs...)
	if o.Required {
		return fmt.Errorf("read the target's metrics: %w", err)
	}
	w.missing = append(w.missing, "the target's process: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	return nil
}

// watch calls look at the ticks, one at a time.
func (w *Observer) watch(ctx context.Context, look func(context.Context, time.Duration)) {
	ticks := make(chan time.Duration, 1)
	w.ticks = append(w.ticks, ticks)
	w.watches.Go(func() {
		for at := range ticks {
			look(ctx, at)
		}
	})
}

// SeesStatements tells whether Finish can find out which statements requests run.
func (w *Observer) SeesStatements() bool {
	return w != nil && w.database != nil && w.database.statements != ""
}

// Tick tells the run's time, once a second. It does not wait: what takes longer than until the next look misses
// that one.
func (w *Observer) Tick(elapsed time.Duration) {
	if w == nil || len(w.ticks) == 0 || elapsed < w.next {
		return
	}
	// Ticks are some milliseconds early or late.
	w.next = elapsed + w.recorder.interval() - minInterval/2
	for _, ticks := range w.ticks {
		select {
		case ticks <- elapsed:
		default:
		}
	}
}

// scrape looks at the target's metrics. One that does not answer leaves a gap.
func (w *Observer) scrape(ctx context.Context, at time.Duration) {
	if values, err := w.scraper.scrape(ctx); err == nil {
		w.take(at, values)
	}
}

// take takes in what a page of metrics said.
func (w *Observer) take(at time.Duration, values map[string]float64) {
	if start := values[startTime]; start > 0 {
		w.recorder.process(at, start)
	}
	delete(values, startTime)
	w.recorder.add(at, values)
}

// sample looks at the database. One that does not answer leaves a gap.
func (w *Observer) sample(ctx context.Context, at time.Duration) {
	if values, err := w.database.sample(ctx); err == nil {
		w.recorder.add(at, values)
	}
}

// Report returns what was seen so far. Of a database, that is what was before and the waits.
func (w *Observer) Report() *Report {
	if w == nil {
		return nil
	}
	r := w.recorder.report()
	r.Missing = slices.Clone(w.missing)
	if w.database != nil {
		r.Database = w.database.report()
		r.Missing = append(r.Missing, w.database.missing...)
	}
	return r
}

// Finish ends the watching at the end of a run, and finds out what can only be known then: what the database has
// counted, how it runs the statements that took the most time, and, by sending the requests again, which statements
// each of them runs. The end of the context cuts the sending short.
func (w *Observer) Finish(ctx context.Context, elapsed time.Duration, requests []Request) *Report {
	if w == nil {
		return nil
	}
	w.endWatches()
	defer w.close()
	if w.scraper != nil {
		w.scrape(ctx, elapsed)
	}
	if w.database == nil {
		return w.Report()
	}
	w.sample(ctx, elapsed)
	w.database.finish(ctx, requests, pauseAfter(elapsed))
	return w.Report()
}

// endWatches lets a look that goes on come to its end, which its time-outs bound.
func (w *Observer) endWatches() {
	for _, ticks := range w.ticks {
		close(ticks)
	}
	w.ticks = nil
	w.watches.Wait()
}

// Close ends the watching of a run that did not come to its end. It may follow Finish.
func (w *Observer) Close() {
	if w == nil {
		return
	}
	if w.stop != nil {
		w.stop()
	}
	w.endWatches()
	w.close()
}

func (w *Observer) close() {
	if w.scraper != nil {
		w.scraper.close()
	}
	if w.database != nil {
		w.database.close()
	}
}
