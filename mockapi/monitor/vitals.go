package monitor

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// VitalLimits are the bounds of a web vital as Google publishes them (https://web.dev/articles/vitals): a value up to
// Good is good, one above Poor is poor, and one between needs improvement.
type VitalLimits struct {
	Name       string
	Unit       string // "ms", or "" for a score
	Good, Poor float64
}

// KnownVitals lists the web vitals that are taken, the core ones first.
func KnownVitals() []VitalLimits {
	return []VitalLimits{
		{"LCP", "ms", 2500, 4000}, // largest contentful paint
		{"INP", "ms", 200, 500},   // interaction to next paint
		{"CLS", "", 0.1, 0.25},    // cumulative layout shift
		{"FCP", "ms", 1800, 3000}, // first contentful paint
		{"TTFB", "ms", 800, 1800}, // time to first byte
	}
}

// IsVital tells whether a name is that of a vital that is taken.
func IsVital(name string) bool {
	return slices.ContainsFunc(KnownVitals(), func(l VitalLimits) bool { return l.Name == name })
}

// Ratings of vitals, in the words of the web-vitals library.
const (
	RatingGood = "good"
	RatingMid  = "needs-improvement"
	RatingPoor = "poor"
)

// Rating returns the rating of a value.
func (l *VitalLimits) Rating(v float64) string {
	switch {
	case v <= l.Good:
		return RatingGood
	case v <= l.Poor:
		return RatingMid
	default:
		return RatingPoor
	}
}

// Vital is what a browser measured of one page.
type Vital struct {
	Name           string  `json:"name"` // one of KnownVitals
	Value          float64 `json:"value"`
	Rating         string  `json:"rating"` // by the limits, whatever the browser thought of it
	ID             string  `json:"id"`     // of the page load, by the browser
	NavigationType string  `json:"navigationType"`
	Page           string  `json:"page"` // path of the page's URL, ids in it written :id
}

// RUM tells of the vitals since the last one.
type RUM struct {
	Count  uint64  `json:"count"`
	Vitals []Vital `json:"vitals"` // the first of them
}

const (
	maxPages = 32 // known by their path; the others are Other
	// maxVitals is how many a RUM has.
	maxVitals = 10
)

// beacons is what pages there are, and which vitals came since the last collection.
type beacons struct {
	mu    sync.Mutex
	pages map[string]struct{}
	news  RUM
}

// RecordVital takes what a browser measured; false for a vital that is not known. Its rating and page are made here.
func (m *Monitor) RecordVital(v Vital) bool {
	all := KnownVitals()
	i := slices.IndexFunc(all, func(l VitalLimits) bool { return l.Name == v.Name })
	if i < 0 {
		return false
	}
	v.Rating = all[i].Rating(v.Value)
	v.Page = m.vitals.page(v.Page)
	m.Record(v.Name, v.Value, Tags{"page": v.Page, "rating": v.Rating})
	m.vitals.add(v)
	return true
}

// page returns the path under which a page is counted.
func (b *beacons) page(path string) string {
	path, _, _ = strings.Cut(path, "?")
	path, _, _ = strings.Cut(path, "#")
	if !strings.HasPrefix(path, "/") {
		return Other
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if s != "" && strings.Trim(s, "0123456789") == "" {
			segments[i] = ":id"
		}
	}
	path = strings.Join(segments, "/")
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.pages[path]; known {
		return path
	}
	if len(b.pages) >= maxPages {
		return Other
	}
	if b.pages == nil {
		b.pages = make(map[string]struct{})
	}
	path = strings.Clone(path)
	b.pages[path] = struct{}{}
	return path
}

func (b *beacons) add(v Vital) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.news.Count++
	if len(b.news.Vitals) < maxVitals {
		b.news.Vitals = append(b.news.Vitals, v)
	}
}

func (b *beacons) take() RUM {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.news
	b.news = RUM{}
	return r
}

// everyPage stands for all pages.
const everyPage = "*"

// VitalSummary is the figures of a window of one vital.
type VitalSummary struct {
	Name  string `json:"name"`
	Unit  string `json:"unit"`
	Page  string `json:"page"` // a page's path, or "*" for all pages together
	Count uint64 `json:"count"`
	// P75 is what a vital is judged by: the value that three quarters of the page loads do not exceed.
	P75    float64 `json:"p75"`
	Rating string  `json:"rating"` // of P75
	// Shares of the values by rating, which are 1 together.
	Good             float64 `json:"good"`
	NeedsImprovement float64 `json:"needsImprovement"`
	Poor             float64 `json:"poor"`
}

// Vitals returns the figures of a window of the vitals that came in it, of all pages and page by page, in the order
// of KnownVitals and then by page.
func (m *Monitor) Vitals(window time.Duration) []VitalSummary {
	type key struct{ name, page string }
	sums, ratings := make(map[key]*tally), make(map[key]map[string]uint64)
	m.eachMetric(window, func(s *series, t *tally) {
		for _, k := range []key{{s.name, everyPage}, {s.name, s.tags["page"]}} {
			if sums[k] == nil {
				sums[k], ratings[k] = new(tally), make(map[string]uint64)
			}
			sums[k].merge(t)
			ratings[k][s.tags["rating"]] += t.total
		}
	})
	list := []VitalSummary{}
	for _, l := range KnownVitals() {
		var pages []string
		for k := range sums {
			if k.name == l.Name {
				pages = append(pages, k.page)
			}
		}
		slices.Sort(pages)
		for _, page := range pages {
			t, by := sums[key{l.Name, page}], ratings[key{l.Name, page}]
			p75, n := t.quantile(.75), float64(t.total)
			list = append(list, VitalSummary{
				Name: l.Name, Unit: l.Unit, Page: page, Count: t.total, P75: p75, Rating: l.Rating(p75),
				Good: float64(by[RatingGood]) / n, NeedsImprovement: float64(by[RatingMid]) / n, Poor: float64(by[RatingPoor]) / n,
			})
		}
	}
	return list
}
