package suite

import (
	"slices"
	"testing"
)

func TestServerTiming(t *testing.T) {
	var got []float64
	var names []string
	serverTiming(`pool;desc="a, b";dur=1.5, db;dur="2", cache, lock;dur=NaN, lock;dur=+Inf, lock;dur=1e999, total; dur=40`, func(name string, dur float64) {
		names, got = append(names, name), append(got, dur)
	})
	if !slices.Equal(got, []float64{1.5, 2, 40}) {
		t.Errorf("%v of %q", got, names)
	}
}
