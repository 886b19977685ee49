package observe

import (
	"testing"
	"time"
)

// Three days of samples are as many points as a few minutes', and what went up and down within one is still seen.
func TestSeriesAreBounded(t *testing.T) {
	r := newRecorder(nil)
	const length = 72 * time.Hour
	looks := 0
	for at := time.Duration(0); at <= length; at += r.interval() {
		v := float64(looks % 7) // a sawtooth
		r.add(at, map[string]float64{ResidentMemory: v, CPUSeconds: float64(looks)})
		looks++
	}
	report := r.report()
	for _, name := range []string{ResidentMemory, CPUSeconds} {
		points := report.Find(name).Points
		if len(points) > maxPoints || len(points) < maxPoints/2 {
			t.Errorf("%s has %d points", name, len(points))
		}
		if last := points[len(points)-1]; length-last.At > maxInterval {
			t.Errorf("%s ends at %v", name, last.At)
		}
		for i := 1; i < len(points); i++ {
			if points[i].At <= points[i-1].At {
				t.Fatalf("%s: a point at %v after one at %v", name, points[i].At, points[i-1].At)
			}
		}
	}
	for _, p := range report.Find(ResidentMemory).Points[1:] {
		if p.Min != 0 || p.Max != 6 {
			t.Fatalf("the point at %v tells of %v to %v", p.At, p.Min, p.Max)
		}
	}
	if got := report.Find(CPUSeconds).Increase(); got != float64(looks)-1-report.Find(CPUSeconds).Points[0].Value {
		t.Errorf("the counter rose by %v in %d looks", got, looks)
	}
}

func TestSecondsAreKeptOfAShortRun(t *testing.T) {
	r := newRecorder(nil)
	for i := range 60 {
		jitter := time.Duration(i%3-1) * 4 * time.Millisecond
		r.add(time.Duration(i+1)*time.Second+jitter, map[string]float64{Goroutines: float64(i)})
	}
	if n := len(r.report().Find(Goroutines).Points); n != 60 {
		t.Errorf("%d points of 60 seconds", n)
	}
}

// A run that goes on adds to what its checkpoint had.
func TestSeriesGoOn(t *testing.T) {
	past := newRecorder(nil)
	for i := range 1000 {
		past.add(time.Duration(i)*10*time.Second, map[string]float64{HeapInUse: float64(i)})
	}
	past.process(0, 1.7e9)
	past.process(time.Minute, 1.7e9+30)
	r := newRecorder(past.report())
	r.process(3*time.Hour, 1.7e9+30.4) // the same one
	r.process(4*time.Hour, 1.7e9+7200)
	r.add(3*time.Hour, map[string]float64{HeapInUse: 5})
	report := r.report()
	points := report.Find(HeapInUse).Points
	if points[0].At > 10*time.Minute || points[len(points)-1] != (Point{At: 3 * time.Hour, Value: 5, Min: 5, Max: 5}) || len(points) > maxPoints {
		t.Errorf("%d points from %+v to %+v", len(points), points[0], points[len(points)-1])
	}
	if len(report.Restarts) != 2 || report.Restarts[0] != time.Minute || report.Restarts[1] != 4*time.Hour {
		t.Errorf("restarts at %v", report.Restarts)
	}
	if past.report().Find(HeapInUse).Points[0] != points[0] {
		t.Error("the past was changed")
	}
}

func TestIncreaseOverARestart(t *testing.T) {
	s := &Series{Points: []Point{{Value: 10}, {Value: 15}, {Value: 2}, {Value: 4}}}
	if got := s.Increase(); got != 9 {
		t.Errorf("rose by %v, want 5 + 2 + 2", got)
	}
	if got := (*Series)(nil).Increase(); got != 0 {
		t.Errorf("nothing rose by %v", got)
	}
}
