package suite_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/suite"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

type metricsSink = metrics.Sink

// world is a suite with users against one server.
type world struct {
	tb       testing.TB
	registry *metrics.Registry
	store    *metrics.Store
	suite    vu.Suite
}

// newWorld makes the suite with all targets at one URL.
func newWorld(tb testing.TB, name, url string, adjust func(*suite.Config)) *world {
	tb.Helper()
	w := &world{tb: tb, registry: metrics.NewRegistry()}
	host, err := client.NewHost(context.Background(), url)
	if err != nil {
		tb.Fatal(err)
	}
	c := suite.Config{
		Targets: suite.Targets{API: host, Auth: host, Media: host, User: host, Notification: host}, Registry: w.registry,
	}
	if adjust != nil {
		adjust(&c)
	}
	if w.suite, err = suite.New(name, c); err != nil {
		tb.Fatal(err)
	}
	w.store = metrics.NewStore(w.registry, time.Now(), nil)
	return w
}

// user returns a virtual user who does not pause.
func (w *world) user(id int, recorder *metrics.Recorder) *vu.VU {
	v := vu.New(vu.Config{
		ID: id, Seed: 1, Registry: w.registry, Recorder: recorder, Client: client.NewRaw(client.Options{}),
		Sleep: func(context.Context, time.Duration) {},
	})
	w.tb.Cleanup(v.Close)
	return v
}

// run has ten users do the iterations.
func (w *world) run(iterations int) {
	w.tb.Helper()
	if err := w.suite.Setup(w.user(0, nil)); err != nil {
		w.tb.Fatal(err)
	}
	const users = 10
	var wg sync.WaitGroup
	for id := range users {
		v := w.user(id+1, w.store.Recorder())
		wg.Go(func() {
			tags := w.registry.Tags("scenario", "default")
			for range iterations / users {
				start := time.Now()
				v.Begin(context.Background(), tags)
				if err := w.suite.Iterate(v); err != nil {
					w.tb.Error(err)
					return
				}
				v.End(time.Since(start))
			}
		})
	}
	wg.Wait()
	w.store.Tick(time.Now())
}

func (w *world) total(metric string, tags ...string) *metrics.Sink {
	w.tb.Helper()
	sel := metrics.Selector{Metric: metric, Tags: map[string]string{}}
	for i := 0; i+1 < len(tags); i += 2 {
		sel.Tags[tags[i]] = tags[i+1]
	}
	s := w.store.Total(sel)
	if s == nil {
		w.tb.Fatalf("there is no metric %s", metric)
	}
	return s
}

// eachTags calls f with every series of a metric.
func (w *world) eachTags(metric string, f func(map[string]string, *metrics.Sink)) {
	w.store.Each(func(m *metrics.Metric, tags *metrics.TagSet, sink *metrics.Sink) {
		if m.Name == metric {
			all := map[string]string{}
			tags.Each(func(name, value string) { all[name] = value })
			f(all, sink)
		}
	})
}
