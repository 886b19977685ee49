package trend

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Options are what a drift is judged by.
type Options struct {
	// Confidence is that of the slopes' intervals, 0 to 1.
	Confidence float64
	// WarmUp is the share of the constant part that is left out at its beginning, and at that of each process where the
	// target was restarted.
	WarmUp float64
	// Tolerance is by how much a quantity may drift in the wrong direction over the part that is judged, as a share of
	// where it was; Errors is that of the share of failed requests, in absolute terms: 0.01 is a point.
	Tolerance float64
	Errors    float64
	// MemoryLimit and DatabaseLimit are what the target's resident memory and its database must not reach, in bytes;
	// P50Limit and P95Limit are those of http_req_duration in milliseconds, FailedLimit that of the share of failed
	// requests. 0 means none.
	MemoryLimit, DatabaseLimit      float64
	P50Limit, P95Limit, FailedLimit float64
	// Horizon is how far ahead a limit must not be reached at the slope that was found, but for what lies further ahead
	// than ten times the time that was judged.
	Horizon time.Duration
}

// What is too short to be judged: fewer points, each of which is of a second or more, or fewer blocks.
const (
	MinPoints = 20
	minBlocks = 10
)

// foresight is how many times the time that was judged a projection must be believed for. What lies beyond is told, and
// does not fail a run: a minute says little of a week.
const foresight = 10

// maxBlocks is how many values a series is brought down to. More of them tell more of white noise; fewer depend less
// on one another.
const maxBlocks = 48

// The tail: a drift goes on if the last half of the blocks still drifts with tailConfidence, and the last third may with
// that confidence drift at tailShare of the slope of all, or more.
const (
	tailConfidence = 0.80
	tailShare      = 0.25
)

// point is a value of a quantity at a time of the run, and the weight that it has in a mean.
type point struct {
	at            time.Duration
	value, weight float64
}

// quantity is what is judged, and by which measure.
type quantity struct {
	words, unit string
	points      []point // of the constant part, in order
	// reduce makes the value of a block of its points.
	reduce func([]point) float64
	// wrong is 1 where rising is bad, -1 where falling is, 0 where neither is.
	wrong float64
	// share and least are the drift that is tolerated over the part that is judged: of where it was, and in the unit.
	share, least float64
	limit        float64
	// hard tells that reaching the limit is bad by itself. Other limits are those of thresholds, which judge them.
	hard bool
	// restarts are times that the values before and after can't be compared across.
	restarts []time.Duration
	// cycles, where it is not 0, is how often the quantity was collected, so that it can't be told apart any finer.
	cycles int
}

// judge comes to a verdict.
func (q *quantity) judge(o *Options) Verdict {
	v := Verdict{Quantity: q.words, Unit: q.unit, State: TooShort, Confidence: o.Confidence, Limit: q.limit}
	points := q.warm(o.WarmUp)
	if len(points) < MinPoints {
		v.Reason = fmt.Sprintf("%s: %s, %d points after the warm-up; it takes %d", q.words, TooShort, len(points), MinPoints)
		return v
	}
	span := points[len(points)-1].at - points[0].at
	blocks := q.blocks(points)
	if q.cycles > 0 && len(blocks) < minBlocks {
		v.Reason = fmt.Sprintf("%s: %s, the garbage collector ran %d times after the warm-up; it takes %d", q.words, TooShort, q.cycles, minBlocks)
		return v
	}
	l, ok := fit(blocks, o.Confidence)
	if !ok || len(blocks) < minBlocks {
		v.Reason = fmt.Sprintf("%s: %s, too little of it lies between restarts", q.words, TooShort)
		return v
	}
	v.PerHour, v.Low, v.High = l.slope, finite(l.low), finite(l.high)
	points = slices.DeleteFunc(points, func(p point) bool { return q.segment(p.at) != l.segment })
	v.From, v.To = max(l.at(points[0].at.Hours()), 0), max(l.at(points[len(points)-1].at.Hours()), 0)
	v.State = Steady
	levelled := false
	if l.rises() || l.falls() {
		if goesOn(blocks, l) {
			v.State = Drifting
		} else {
			levelled = true
		}
	}
	if v.State == Drifting && q.limit > v.To && l.slope > 0 {
		// What is centuries away is not approached.
		if hours := (q.limit - v.To) / l.slope; hours < 1e6 {
			v.Reaches = time.Duration(hours * float64(time.Hour))
		}
	}
	drift := (v.To - v.From) * q.wrong
	soon := v.Reaches > 0 && v.Reaches <= min(o.Horizon, foresight*span)
	v.Bad = v.State == Drifting && (drift > 0 && drift >= max(q.share*v.From, q.least) || soon) ||
		q.hard && q.limit > 0 && v.To >= q.limit
	v.Reason = q.reason(&v, levelled)
	return v
}

// finite is 0 for an end of an interval that is not there, which JSON could not tell.
func finite(x float64) float64 {
	if math.IsInf(x, 0) {
		return 0
	}
	return x
}

// segment is how many restarts come before a time.
func (q *quantity) segment(at time.Duration) int {
	n := 0
	for _, r := range q.restarts {
		if r <= at {
			n++
		}
	}
	return n
}

// warm leaves out the warm-up of each segment.
func (q *quantity) warm(share float64) []point {
	var kept []point
	for i := 0; i < len(q.points); {
		j, segment := i, q.segment(q.points[i].at)
		for j < len(q.points) && q.segment(q.points[j].at) == segment {
			j++
		}
		kept = append(kept, q.points[i+int(math.Ceil(share*float64(j-i))):j]...)
		i = j
	}
	return kept
}

// blocks makes blocks of equally many points of one segment each; what is left over and less than half is left out.
func (q *quantity) blocks(points []point) []sample {
	most := maxBlocks
	if q.cycles > 0 {
		most = max(min(most, q.cycles), 1)
	}
	size := (len(points) + most - 1) / most
	var blocks []sample
	for i := 0; i < len(points); {
		j, segment := i, q.segment(points[i].at)
		for j < len(points) && j < i+size && q.segment(points[j].at) == segment {
			j++
		}
		if block := points[i:j]; 2*len(block) >= size {
			middle := (block[0].at + block[len(block)-1].at) / 2
			blocks = append(blocks, sample{at: middle.Hours(), value: q.reduce(block), segment: segment})
		}
		i = j
	}
	return blocks
}

// goesOn tells whether what the line says of all blocks still holds at the end. Early growth alone would do for a line
// through all, but not for a leak.
func goesOn(blocks []sample, whole line) bool {
	n := len(blocks)
	half, ok := fit(blocks[n-n/2:], tailConfidence)
	if !ok || half.rises() != whole.rises() || half.falls() != whole.falls() {
		return false
	}
	third, ok := fit(blocks[n-n/3:], tailConfidence)
	return ok && max(third.low/whole.slope, third.high/whole.slope) >= tailShare
}

// median is the reduction of what has bursts.
func median(points []point) float64 {
	values := make([]float64, len(points))
	for i, p := range points {
		values[i] = p.value
	}
	slices.Sort(values)
	return middle(values)
}

// least is the reduction of what grows until it is collected.
func least(points []point) float64 {
	value := points[0].value
	for _, p := range points {
		value = min(value, p.value)
	}
	return value
}

// mean is the reduction of what is seldom anything but 0.
func mean(points []point) float64 {
	sum, weight := 0.0, 0.0
	for _, p := range points {
		sum += p.value * p.weight
		weight += p.weight
	}
	if weight == 0 {
		return 0
	}
	return sum / weight
}
