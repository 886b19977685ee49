package handler

import (
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi"
)

type pools mockapi.PoolStats

func (p pools) PoolStats() mockapi.PoolStats { return mockapi.PoolStats(p) }

// Requests wait for the pool that is full, however empty the other is: the limit of 80 % that the document sets must be
// within reach.
func TestPoolUseIsThatOfTheFullestPool(t *testing.T) {
	g := poolGauge{reporter: pools{Max: 12, Busy: 4, Use: 1, Full: 4}}
	if got, ok := g.percent(time.Now()); !ok || got != 100 {
		t.Errorf("with one of two pools full, pool-use is %d, %v", got, ok)
	}
}
