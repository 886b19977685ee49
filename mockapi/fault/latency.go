package fault

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Latency is a distribution of times: exactly one of its fields is set.
type Latency struct {
	Fixed     Duration   `json:"fixed,omitempty"`
	Uniform   *Uniform   `json:"uniform,omitempty"`
	LogNormal *LogNormal `json:"logNormal,omitempty"`
	// Percentiles are points of the distribution, by percentile as a number from 0 to 100: "50": "20ms",
	// "99": "1s". Between them the logarithm of the time is interpolated; outside, the nearest point holds.
	Percentiles map[string]Duration `json:"percentiles,omitempty"`
	Queue       *Queue              `json:"queue,omitempty"`
}

// Uniform is any time from Min to Max, each as likely.
type Uniform struct {
	Min Duration `json:"min"`
	Max Duration `json:"max"`
}

// LogNormal is what the response times of healthy services tend to look like: a hump and a long tail.
type LogNormal struct {
	P50 Duration `json:"p50"`
	P99 Duration `json:"p99"`
}

// Queue is the latency of a service with so many servers, each busy with one request at a time for an
// exponentially distributed time of the given mean (M/M/c): little at low load, and without bound once
// requests come faster than Servers/Service. Nobody waits longer than MaxWait, which is then refused with 503.
type Queue struct {
	Servers int      `json:"servers"`
	Service Duration `json:"service"` // mean
	MaxWait Duration `json:"maxWait,omitempty"`
}

func (l *Latency) validate(name string) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(name+format, args...)) }
	within := func(field string, d Duration) {
		if d < 0 || time.Duration(d) > MaxDelay {
			bad(".%s: %v is not between 0 and %v", field, time.Duration(d), MaxDelay)
		}
	}
	set := 0
	if l.Fixed != 0 {
		set++
		within("fixed", l.Fixed)
	}
	if u := l.Uniform; u != nil {
		set++
		within("uniform.min", u.Min)
		within("uniform.max", u.Max)
		if u.Max < u.Min {
			bad(".uniform: max is below min")
		}
	}
	if n := l.LogNormal; n != nil {
		set++
		within("logNormal.p50", n.P50)
		within("logNormal.p99", n.P99)
		if n.P50 <= 0 || n.P99 < n.P50 {
			bad(".logNormal: wants 0 < p50 <= p99")
		}
	}
	if l.Percentiles != nil {
		set++
		if _, err := l.points(); err != nil {
			bad(".percentiles: %w", err)
		}
		for p, d := range l.Percentiles {
			within("percentiles."+p, d)
		}
	}
	if q := l.Queue; q != nil {
		set++
		if q.Servers < 1 || q.Servers > 1000 {
			bad(".queue.servers: %d is not between 1 and 1000", q.Servers)
		}
		if q.Service <= 0 {
			bad(".queue.service: %v is not above zero", time.Duration(q.Service))
		}
		within("queue.service", q.Service)
		within("queue.maxWait", q.MaxWait)
	}
	if set != 1 {
		bad(": %d of fixed, uniform, logNormal, percentiles and queue are set, want one", set)
	}
	return errors.Join(errs...)
}

// point is one percentile of a distribution.
type point struct {
	p float64 // 0 to 1
	t float64 // nanoseconds
}

func (l *Latency) points() ([]point, error) {
	if len(l.Percentiles) == 0 {
		return nil, errors.New("none given")
	}
	var ps []point
	for k, d := range l.Percentiles {
		p, err := strconv.ParseFloat(k, 64)
		if err != nil || !(p >= 0 && p <= 100) {
			return nil, fmt.Errorf("%q is not a number from 0 to 100", k)
		}
		ps = append(ps, point{p / 100, float64(d)})
	}
	slices.SortFunc(ps, func(a, b point) int {
		if a.p < b.p {
			return -1
		}
		return 1
	})
	for i := 1; i < len(ps); i++ {
		if ps[i].t < ps[i-1].t || ps[i].p == ps[i-1].p {
			return nil, errors.New("times do not rise with their percentiles")
		}
	}
	return ps, nil
}

// sampler draws from a Latency.
type sampler struct {
	latency *Latency
	points  []point
	queue   *queue
}

func newSampler(l *Latency) *sampler {
	if l == nil {
		return nil
	}
	s := &sampler{latency: l}
	s.points, _ = l.points()
	if l.Queue != nil {
		s.queue = &queue{Queue: *l.Queue, free: make([]time.Time, l.Queue.Servers)}
	}
	return s
}

// draw returns the time for a request that came at now, for a number u that is uniform in (0, 1). It returns
// false where the request is refused.
func (s *sampler) draw(u float64, now time.Time) (time.Duration, bool) {
	l := s.latency
	switch {
	case l.Uniform != nil:
		return time.Duration(l.Uniform.Min) + time.Duration(u*float64(l.Uniform.Max-l.Uniform.Min)), true
	case l.LogNormal != nil:
		const z99 = 2.3263478740408408 // the 99th percentile of the standard normal distribution
		sigma := math.Log(float64(l.LogNormal.P99)/float64(l.LogNormal.P50)) / z99
		d := float64(l.LogNormal.P50) * math.Exp(sigma*math.Sqrt2*math.Erfinv(2*u-1))
		return time.Duration(math.Min(d, float64(MaxDelay))), true
	case s.points != nil:
		return time.Duration(interpolate(s.points, u)), true
	case s.queue != nil:
		return s.queue.arrive(-math.Log(u)*float64(l.Queue.Service), now)
	default:
		return time.Duration(l.Fixed), true
	}
}

func interpolate(ps []point, u float64) float64 {
	i := slices.IndexFunc(ps, func(p point) bool { return p.p >= u })
	switch {
	case i == 0:
		return ps[0].t
	case i < 0:
		return ps[len(ps)-1].t
	}
	a, b := ps[i-1], ps[i]
	f := (u - a.p) / (b.p - a.p)
	if a.t <= 0 {
		return a.t + f*(b.t-a.t)
	}
	return a.t * math.Pow(b.t/a.t, f)
}

// queue remembers when each server will be free; requests are served in the order of their arrival.
type queue struct {
	Queue
	mu   sync.Mutex
	free []time.Time
}

// arrive returns how long a request that comes at now and needs a server for service nanoseconds stays,
// waiting and being served; false where it would wait too long, and is not queued.
func (q *queue) arrive(service float64, now time.Time) (time.Duration, bool) {
	limit := MaxDelay
	if q.MaxWait > 0 {
		limit = time.Duration(q.MaxWait)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	first := 0
	for i, t := range q.free {
		if t.Before(q.free[first]) {
			first = i
		}
	}
	start := now
	if q.free[first].After(now) {
		start = q.free[first]
	}
	if start.Sub(now) > limit {
		return 0, false
	}
	q.free[first] = start.Add(time.Duration(service))
	return q.free[first].Sub(now), true
}
