package observe

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// What bounds a scrape.
const (
	scrapeTimeout = 3 * time.Second
	maxScrape     = 16 << 20
)

// startTime tells one process from the next.
const startTime = "process_start_time_seconds"

// source is where in a page of metrics the value of a series is.
type source struct {
	name         string // of the series
	family       string
	label, value string // that the sample must have, "" for none
}

// sources are the series that a page may have, beside startTime.
func sources() []source {
	return []source{
		{name: startTime, family: startTime},
		{name: ResidentMemory, family: ResidentMemory}, {name: HeapInUse, family: HeapInUse}, {name: Goroutines, family: Goroutines},
		{name: OpenFiles, family: OpenFiles}, {name: CPUSeconds, family: CPUSeconds},
		{name: GCPauseSeconds, family: "go_gc_duration_seconds"}, {name: GCCount, family: "go_gc_duration_seconds"},
		{name: PoolBusy, family: "medianest_db_pool_connections", label: "state", value: "busy"}, {name: PoolMax, family: PoolMax},
		{name: PoolAcquired, family: PoolAcquired}, {name: PoolWaited, family: PoolWaited}, {name: PoolWait, family: PoolWait},
	}
}

// scraper reads the metrics of one target. It keeps one connection.
type scraper struct {
	url    string
	client *http.Client
	wanted map[string]bool // names of families
}

func newScraper(url string, insecure bool) *scraper {
	s := &scraper{url: url, wanted: make(map[string]bool)}
	for _, x := range sources() {
		s.wanted[x.family] = true
	}
	s.client = &http.Client{
		Timeout: scrapeTimeout,
		Transport: &http.Transport{
			MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1, DisableCompression: true, // which costs more than it spares here
			TLSClientConfig: &tls.Config{InsecureSkipVerify: insecure},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// scrape returns the values that are there by the names of their series, and startTime. What is no finite number, which
// JSON could not tell, is not there.
func (s *scraper) scrape(ctx context.Context) (map[string]float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "text/plain;version=0.0.4")
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	lines, err := s.filter(io.LimitReader(resp.Body, maxScrape))
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(lines)
	if err != nil {
		return nil, err
	}
	values := make(map[string]float64)
	for _, x := range sources() {
		if v, ok := x.find(families[x.family]); ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			values[x.name] = v
		}
	}
	if len(values) == 0 {
		return nil, errors.New("there is none of the metrics of a process or a pool in the text format of Prometheus")
	}
	return values, nil
}

// filter leaves the lines of the wanted families: a page has thousands of others, of histograms above all, and
// parsing them all would take many times as long.
func (s *scraper) filter(r io.Reader) (io.Reader, error) {
	comments, sum, count := [][]byte{[]byte("# HELP "), []byte("# TYPE ")}, []byte("_sum"), []byte("_count")
	var kept bytes.Buffer
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	for lines.Scan() {
		name := lines.Bytes()
		for _, prefix := range comments {
			name = bytes.TrimPrefix(name, prefix)
		}
		if i := bytes.IndexAny(name, "{ \t"); i >= 0 {
			name = name[:i]
		}
		if s.wanted[string(name)] || s.wanted[string(bytes.TrimSuffix(bytes.TrimSuffix(name, sum), count))] {
			kept.Write(lines.Bytes())
			kept.WriteByte('\n')
		}
	}
	return &kept, lines.Err()
}

// find returns the value of the first sample of the family that fits.
func (x source) find(family *dto.MetricFamily) (float64, bool) {
	for _, m := range family.GetMetric() {
		if x.label != "" && !hasLabel(m, x.label, x.value) {
			continue
		}
		switch {
		case m.Gauge != nil:
			return m.Gauge.GetValue(), true
		case m.Counter != nil:
			return m.Counter.GetValue(), true
		case m.Untyped != nil:
			return m.Untyped.GetValue(), true
		case m.Summary != nil && x.name == GCCount:
			return float64(m.Summary.GetSampleCount()), true
		case m.Summary != nil:
			return m.Summary.GetSampleSum(), true
		}
	}
	return 0, false
}

func hasLabel(m *dto.Metric, name, value string) bool {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue() == value
		}
	}
	return false
}

func (s *scraper) close() { s.client.CloseIdleConnections() }
