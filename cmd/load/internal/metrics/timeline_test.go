package metrics

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

func TestEncodedHistogramsComeBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var h Histogram
	var s Sketch
	for range 5000 {
		h.Add(math.Exp(rng.NormFloat64()*3) - 0.5)
	}
	h.AddN(0, 3)
	s.AddHistogram(&h)
	for _, pair := range [][2]any{{&h, new(Histogram)}, {&s, new(Sketch)}} {
		data, err := json.Marshal(pair[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, pair[1]); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(pair[1])
		if err != nil {
			t.Fatal(err)
		}
		if string(again) != string(data) {
			t.Errorf("%T changed on its way through JSON", pair[0])
		}
	}
}

func TestDamagedHistogramsAreRefused(t *testing.T) {
	for _, text := range []string{
		`{"count":1}`, `{"count":1,"positive":"!"}`, `{"count":1,"positive":"gA"}`, `{"count":2,"positive":"gAgB"}`,
		`{"count":1,"positive":"//////////8AAQ"}`, `{"count":1,"buckets":"gA"}`,
	} {
		if err := json.Unmarshal([]byte(text), new(Histogram)); err == nil {
			t.Errorf("a Histogram was read from %s", text)
		}
		if err := json.Unmarshal([]byte(text), new(Sketch)); err == nil {
			t.Errorf("a Sketch was read from %s", text)
		}
	}
}

func TestSketchIsNearItsHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var all Histogram
	var s Sketch
	for range 50 {
		var h Histogram
		for range 200 {
			h.Add(math.Exp(rng.NormFloat64()*1.5 + 2))
		}
		all.Merge(&h)
		s.AddHistogram(&h)
	}
	if s.Count() != all.Count() || math.Abs(s.Mean()-all.Mean()) > 1e-9*all.Mean() {
		t.Errorf("count %d, mean %v; want %d, %v", s.Count(), s.Mean(), all.Count(), all.Mean())
	}
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999} {
		if got, want := s.Quantile(q), all.Quantile(q); math.Abs(got-want) > 0.017*want {
			t.Errorf("quantile %v is %v, want %v within 1.7 %%", q, got, want)
		}
	}
}

// Answers of 50 ms that take 1 % longer stay in the same bucket, most of them, and are seen to take longer.
func TestSketchSeesChangesSmallerThanABucket(t *testing.T) {
	median := func(factor float64) float64 {
		var h Histogram
		for i := range 1000 {
			h.Add(factor * (50 + float64(i)/500))
		}
		var s Sketch
		s.AddHistogram(&h)
		return s.Quantile(0.5)
	}
	if rise := median(1.01)/median(1) - 1; math.Abs(rise-0.01) > 0.005 {
		t.Errorf("the median rose by %.2f %%, want 1 %%", 100*rise)
	}
}

// requests counts n requests that took so many milliseconds, of which some failed.
func requests(r *Recorder, tags *TagSet, n, failed int, took float64) {
	for i := range n {
		r.HTTP(&HTTPRequest{Tags: tags, Duration: took, Failed: i < failed, BytesSent: 10, BytesReceived: 100})
	}
}

func TestTimelineIsBoundedAndLosesNothing(t *testing.T) {
	reg := NewRegistry()
	start := time.Now()
	store := NewStore(reg, start, nil)
	line := store.Timeline(nil)
	rec := store.Recorder()
	list, login := reg.Tags("name", "list", "method", "GET", "status", "503"), reg.Tags("name", "login")
	const seconds = 5 * TimelineCapacity
	for i := range seconds {
		requests(rec, list, 2, 1, 5)
		requests(rec, login, 1, 0, 50)
		rec.Add(reg.Builtin.VUs, reg.Tags(), float64(i))
		rec.Add(reg.Builtin.Iterations, reg.Tags(), 1)
		rec.Add(reg.Builtin.Checks, reg.Tags("check", "ok"), 1)
		store.Tick(start.Add(time.Duration(i+1)*time.Second + 3*time.Millisecond))
	}
	points := line.Points()
	totals := line.Totals()
	for i := range totals {
		if want := points[i]; totals[i].Endpoints != nil || totals[i].All.Requests != want.All.Requests || !reflect.DeepEqual(totals[i].Errors, want.Errors) {
			t.Fatalf("the totals of point %d: %+v, want %+v", i, totals[i], want)
		}
	}
	if n := len(points); n > TimelineCapacity || n < TimelineCapacity/2 {
		t.Fatalf("%d points, want %d at most and half of it at least", n, TimelineCapacity)
	}
	var all, failed, listed, unavailable uint64
	for i, p := range points {
		if p.Length != 8*time.Second || p.Start != time.Duration(i)*p.Length {
			t.Fatalf("point %d is %s from %s, want 8 s each in a row", i, p.Length, p.Start)
		}
		if p.All.Requests != 24 || p.All.Duration.Count() != 24 || p.Iterations != 8 || p.ChecksPassed != 8 || p.VUs != float64(8*i+7) {
			t.Fatalf("point %d: %+v", i, p)
		}
		all, failed, listed = all+p.All.Requests, failed+p.All.Failed, listed+p.Endpoints["GET list"].Requests
		unavailable += p.Errors["status 503"]
	}
	if all != 3*seconds || failed != seconds || listed != 2*seconds || unavailable != seconds {
		t.Errorf("%d requests, %d failed, %d with status 503, %d of list", all, failed, unavailable, listed)
	}
}

func TestTimelineGoesOn(t *testing.T) {
	reg := NewRegistry()
	start := time.Now()
	first := NewStore(reg, start, nil)
	line := first.Timeline(nil)
	requests(first.Recorder(), reg.Tags("name", "a"), 3, 0, 1)
	first.Tick(start.Add(time.Second))

	again := NewStore(reg, start, nil)
	more := again.Timeline(line.Points())
	again.Restore(reg.Builtin.HTTPReqs, reg.Tags("name", "a"), first.Total(Selector{Metric: "http_reqs"}))
	requests(again.Recorder(), reg.Tags("name", "a"), 4, 0, 1)
	again.Tick(start.Add(5 * time.Second))
	points := more.Points()
	if len(points) != 2 || points[0].All.Requests != 3 || points[1].Start != 4*time.Second || points[1].All.Requests != 4 {
		t.Errorf("points %+v", points)
	}
	if n := again.Total(Selector{Metric: "http_reqs"}).Sum; n != 7 {
		t.Errorf("%v requests in all, want 7", n)
	}
	if !reflect.DeepEqual(line.Points()[0].All, points[0].All) {
		t.Error("the past was changed")
	}
}

// A stretch without requests comes back from a file without endpoints. A run that goes on counts into it.
func TestTimelineGoesOnAfterSilence(t *testing.T) {
	reg := NewRegistry()
	start := time.Now()
	silence := []Point{{Length: time.Second}, {Start: time.Second, Length: time.Second}}
	for len(silence) < TimelineCapacity {
		silence = append(silence, Point{Start: silence[len(silence)-1].Start + time.Second, Length: time.Second})
	}
	store := NewStore(reg, start, nil)
	line := store.Timeline(silence)
	for i := range 3 { // into the last of them, and in new ones, which make all of them coarser
		requests(store.Recorder(), reg.Tags("name", "a"), 1, 0, 1)
		store.Tick(start.Add(time.Duration(TimelineCapacity+i) * time.Second))
	}
	points := line.Points()
	if n := len(points); n != TimelineCapacity/2+1 || points[n-2].Endpoints["a"].Requests != 1 || points[n-1].Endpoints["a"].Requests != 2 {
		t.Errorf("%d points, the last ones %+v", n, points[max(n-2, 0):])
	}
}
