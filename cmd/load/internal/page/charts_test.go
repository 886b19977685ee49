package page

import (
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
)

func TestHolesBreakTheLines(t *testing.T) {
	point := func(at int) metrics.Point {
		return metrics.Point{Start: time.Duration(at) * time.Second, Length: time.Second, VUs: 1}
	}
	s := Stretches([]metrics.Point{point(0), point(1), point(5), point(6)}, 7*time.Second)
	points := Users("x", s, nil).Lines[0].Points
	if len(points) != 5 || points[2].Y == points[2].Y || points[3].X != 5.5 {
		t.Errorf("%v", points)
	}
}

func TestCountersAreBrokenByRestarts(t *testing.T) {
	r := everything()
	v := &view{Result: r.Result, ID: "r1"}
	cpu := v.seriesPoints(drawnSeries{"cores", observe.CPUSeconds, elapsed})
	wait := v.seriesPoints(drawnSeries{"wait", observe.PoolWait, observe.PoolAcquired})
	if len(cpu) != 11 || cpu[0].Y != 2 || wait[0].Y != 1 {
		t.Errorf("%v, %v", cpu, wait)
	}
	for _, p := range cpu {
		if broken := p.Y != p.Y; broken != (p.X == 40) {
			t.Errorf("at %v: %v", p.X, p.Y)
		}
	}
}
