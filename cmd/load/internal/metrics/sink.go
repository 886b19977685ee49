package metrics

import "time"

// Sink is what has been counted of a metric, of any type.
type Sink struct {
	Type Type
	// Count is the number of values.
	Count uint64
	// Sum is the total of a Counter.
	Sum float64
	// Passes is how many values of a Rate were not zero.
	Passes uint64
	// Last, Min and Max are a Gauge's.
	Last, Min, Max float64
	// Values is a Trend's distribution, nil for other types.
	Values *Histogram
}

// NewSink returns an empty Sink.
func NewSink(t Type) *Sink {
	s := &Sink{Type: t}
	if t == Trend {
		s.Values = new(Histogram)
	}
	return s
}

// Add counts a value.
func (s *Sink) Add(v float64) {
	s.Count++
	switch s.Type {
	case Counter:
		s.Sum += v
	case Rate:
		if v != 0 {
			s.Passes++
		}
	case Gauge:
		if s.Count == 1 || v < s.Min {
			s.Min = v
		}
		if s.Count == 1 || v > s.Max {
			s.Max = v
		}
		s.Last = v
	case Trend:
		s.Values.Add(v)
	}
}

// Merge adds what o, a Sink of the same type, has counted since.
func (s *Sink) Merge(o *Sink) {
	if o.Count == 0 {
		return
	}
	switch s.Type {
	case Counter:
		s.Sum += o.Sum
	case Rate:
		s.Passes += o.Passes
	case Gauge:
		if s.Count == 0 || o.Min < s.Min {
			s.Min = o.Min
		}
		if s.Count == 0 || o.Max > s.Max {
			s.Max = o.Max
		}
		s.Last = o.Last
	case Trend:
		s.Values.Merge(o.Values)
	}
	s.Count += o.Count
}

// Reset empties the Sink and keeps its memory.
func (s *Sink) Reset() {
	values := s.Values
	if values != nil {
		values.Reset()
	}
	*s = Sink{Type: s.Type, Values: values}
}

// RateValue returns a Rate's share of values that were not zero, or a Counter's total per second of elapsed.
func (s *Sink) RateValue(elapsed time.Duration) float64 {
	switch {
	case s.Type == Rate && s.Count > 0:
		return float64(s.Passes) / float64(s.Count)
	case s.Type == Counter && elapsed > 0:
		return s.Sum / elapsed.Seconds()
	}
	return 0
}
