// Package metrics counts what virtual users measure, in memory that does not grow with time.
//
// A [Registry] knows the metrics and interns the tag sets. Virtual users write through [Recorder]s, each onto
// one of a few shards, so that they hardly meet. Once a second [Store.Tick] merges the shards into the totals
// and into the windows that thresholds and the time series watch. What k6 calls a submetric is a [Selector]:
// a metric with some tags, answered by merging the series that carry them.
package metrics

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Type is what a metric does with its values.
type Type uint8

// The types of metrics, k6's.
const (
	Counter Type = iota // adds values up
	Gauge               // keeps the last value
	Rate                // counts values that are not zero, and those that are
	Trend               // keeps the distribution
)

// String returns the type's name in k6's JSON.
func (t Type) String() string { return [...]string{"counter", "gauge", "rate", "trend"}[t] }

// Contains is what a metric's values are.
type Contains uint8

// The kinds of values, k6's.
const (
	Default Contains = iota // plain numbers
	Time                    // milliseconds
	Data                    // bytes
)

// String returns the kind's name in k6's JSON.
func (c Contains) String() string { return [...]string{"default", "time", "data"}[c] }

// Metric is one thing that is measured.
type Metric struct {
	Name     string
	Type     Type
	Contains Contains
	index    int
}

// Builtin are the metrics that every run has, under k6's names.
type Builtin struct {
	HTTPReqs, HTTPReqFailed                                                              *Metric
	HTTPReqDuration, HTTPReqBlocked, HTTPReqConnecting, HTTPReqTLSHandshaking            *Metric
	HTTPReqSending, HTTPReqWaiting, HTTPReqReceiving                                     *Metric
	VUs, VUsMax, Iterations, IterationDuration, DroppedIterations, Checks, GroupDuration *Metric
	DataSent, DataReceived                                                               *Metric
	// HTTPReqService is this runner's own: what the target took for a request of an open model, where
	// http_req_duration tells what somebody experienced who came when the iteration was due.
	HTTPReqService *Metric
	// HTTPReqLateness is this runner's own: how long after it was due an iteration of an open model began,
	// whoever's fault that was.
	HTTPReqLateness *Metric
}

// Registry knows the metrics of a run and interns its tag sets. It is safe for concurrent use.
type Registry struct {
	Builtin Builtin

	mu      sync.Mutex
	metrics []*Metric
	byName  map[string]*Metric
	sets    map[string]*TagSet
	empty   *TagSet
	// overflowed counts tag sets that were refused because there were MaxTagSets.
	overflowed atomic.Uint64
}

// MaxTagSets bounds the different tag sets of a run. Beyond it, a value is counted without the tag that
// would have made a new set, and Overflowed tells how often.
const MaxTagSets = 10_000

// NewRegistry returns a Registry with the built-in metrics.
func NewRegistry() *Registry {
	r := &Registry{byName: make(map[string]*Metric), sets: make(map[string]*TagSet)}
	r.empty = &TagSet{registry: r}
	r.sets[""] = r.empty
	must := func(name string, t Type, c Contains) *Metric {
		m, err := r.New(name, t, c)
		if err != nil {
			panic(err) // two built-in metrics of one name
		}
		return m
	}
	r.Builtin = Builtin{
		HTTPReqs: must("http_reqs", Counter, Default), HTTPReqFailed: must("http_req_failed", Rate, Default),
		HTTPReqDuration: must("http_req_duration", Trend, Time), HTTPReqBlocked: must("http_req_blocked", Trend, Time),
		HTTPReqConnecting: must("http_req_connecting", Trend, Time), HTTPReqTLSHandshaking: must("http_req_tls_handshaking", Trend, Time),
		HTTPReqSending: must("http_req_sending", Trend, Time), HTTPReqWaiting: must("http_req_waiting", Trend, Time),
		HTTPReqReceiving: must("http_req_receiving", Trend, Time), HTTPReqService: must("http_req_service", Trend, Time),
		HTTPReqLateness: must("http_req_lateness", Trend, Time),
		VUs:             must("vus", Gauge, Default), VUsMax: must("vus_max", Gauge, Default),
		Iterations: must("iterations", Counter, Default), IterationDuration: must("iteration_duration", Trend, Time),
		DroppedIterations: must("dropped_iterations", Counter, Default), Checks: must("checks", Rate, Default),
		GroupDuration: must("group_duration", Trend, Time),
		DataSent:      must("data_sent", Counter, Data), DataReceived: must("data_received", Counter, Data),
	}
	return r
}

// New adds a metric. Asking again for the same one returns it; asking for another type under its name is an
// error.
func (r *Registry) New(name string, t Type, c Contains) (*Metric, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.byName[name]; m != nil {
		if m.Type != t || m.Contains != c {
			return nil, fmt.Errorf("metric %s is a %s of %s already, it can't be a %s of %s too", name, m.Type, m.Contains, t, c)
		}
		return m, nil
	}
	m := &Metric{Name: name, Type: t, Contains: c, index: len(r.metrics)}
	r.metrics = append(r.metrics, m)
	r.byName[name] = m
	return m, nil
}

// Lookup returns the metric with the name, or nil.
func (r *Registry) Lookup(name string) *Metric {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byName[name]
}

// Metrics returns all metrics in the order in which they were made.
func (r *Registry) Metrics() []*Metric {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.metrics)
}

// Overflowed tells how many values lost a tag to MaxTagSets.
func (r *Registry) Overflowed() uint64 { return r.overflowed.Load() }

// maxGrown is how many of its supersets a set finds without the registry's lock.
const maxGrown = 256

// TagSet is a set of tags, one value for each name. Equal sets are one pointer. It never changes.
type TagSet struct {
	registry *Registry
	index    int
	names    []string // rising
	values   []string
	// grown remembers what With returned: the users of a run ask for the same few sets again and again.
	grown atomic.Pointer[map[[2]string]*TagSet]
}

// Tags returns the set of the given names and values, in turns.
func (r *Registry) Tags(pairs ...string) *TagSet {
	t := r.empty
	for i := 0; i+1 < len(pairs); i += 2 {
		t = t.With(pairs[i], pairs[i+1])
	}
	return t
}

// With returns the set with the tag added or changed.
func (t *TagSet) With(name, value string) *TagSet {
	key := [2]string{name, value}
	if g := t.grown.Load(); g != nil {
		if s := (*g)[key]; s != nil {
			return s
		}
	}
	return t.grow(key)
}

func (t *TagSet) grow(key [2]string) *TagSet {
	names, values := slices.Clone(t.names), slices.Clone(t.values)
	i, found := slices.BinarySearch(names, key[0])
	if found {
		values[i] = key[1]
	} else {
		names, values = slices.Insert(names, i, key[0]), slices.Insert(values, i, key[1])
	}
	r := t.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	var id strings.Builder
	for i := range names {
		fmt.Fprintf(&id, "%q=%q,", names[i], values[i])
	}
	s := r.sets[id.String()]
	if s == nil {
		if len(r.sets) >= MaxTagSets {
			r.overflowed.Add(1)
			return t
		}
		s = &TagSet{registry: r, index: len(r.sets), names: names, values: values}
		r.sets[id.String()] = s
	}
	grown := map[[2]string]*TagSet{}
	if g := t.grown.Load(); g != nil {
		if len(*g) >= maxGrown {
			return s
		}
		maps.Copy(grown, *g)
	}
	grown[key] = s
	t.grown.Store(&grown)
	return s
}

// Get returns the value of a tag, "" where the set has none.
func (t *TagSet) Get(name string) string {
	if i, ok := slices.BinarySearch(t.names, name); ok {
		return t.values[i]
	}
	return ""
}

// Each calls f with every tag, by name.
func (t *TagSet) Each(f func(name, value string)) {
	for i, n := range t.names {
		f(n, t.values[i])
	}
}

// has tells whether the set carries all the tags of o.
func (t *TagSet) has(tags map[string]string) bool {
	for name, value := range tags {
		i, ok := slices.BinarySearch(t.names, name)
		if !ok || t.values[i] != value {
			return false
		}
	}
	return true
}

// Selector is a metric, or the part of it that carries some tags: k6's submetric.
type Selector struct {
	Metric string
	Tags   map[string]string
}

// String writes the selector as threshold keys do: name{tag:value,...}, tags by name.
func (s Selector) String() string {
	if len(s.Tags) == 0 {
		return s.Metric
	}
	tags := make([]string, 0, len(s.Tags))
	for k, v := range s.Tags {
		tags = append(tags, k+":"+v)
	}
	slices.Sort(tags)
	return s.Metric + "{" + strings.Join(tags, ",") + "}"
}
