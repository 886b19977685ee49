package monitor

import (
	"fmt"
	"time"
)

// The types of alerts.
const (
	AlertResponseTime = "high_response_time" // the average is over 1,000 ms
	AlertErrorRate    = "high_error_rate"    // more than 5 % failed
	AlertPool         = "pool_exhausted"     // every database connection is in use, and requests wait for one
	AlertMemory       = "memory_rising"      // resident memory rises minute by minute
)

// Severities of alerts.
const (
	Warn     = "warning"
	Critical = "critical"
)

// What alerts are judged by.
const (
	alertWindow      = 30 * time.Second // of response time and errors
	alertRequests    = 10               // fewer in alertWindow say little
	maxAverage       = 1000.0           // ms
	maxErrorRate     = 5.0              // percent
	poolSamples      = 5                // in a row
	memoryMinutes    = 5
	minRise          = 8 << 20          // bytes, from each minute to the next
	alertCalm        = 10 * time.Second // without cause end an alert
	maxAlertsOfOld   = 64
	bytesPerMebibyte = 1 << 20
)

// Alert is something that is or was wrong.
type Alert struct {
	Type     string `json:"type"`
	Severity string `json:"severity"`
	// Message says what is wrong with the figures of Timestamp.
	Message   string     `json:"message"`
	Timestamp time.Time  `json:"timestamp"` // when there last was cause for it
	Since     time.Time  `json:"since"`
	Until     *time.Time `json:"until"` // nil while it lasts
}

// alerts are those that last, and the last of those that ended, oldest first.
type alerts struct {
	active []*active
	ended  []Alert
}

type active struct {
	Alert
	last time.Duration
}

// Alerts returns those that last, and those that ended within the window, by when they began.
func (m *Monitor) Alerts(window time.Duration) []Alert {
	m.mu.Lock()
	defer m.mu.Unlock()
	from := m.at(m.last - clampWindow(window))
	list := []Alert{}
	for _, a := range m.alerts.ended {
		if a.Until.After(from) {
			list = append(list, a)
		}
	}
	for _, a := range m.alerts.active {
		list = append(list, a.Alert)
	}
	return list
}

// judge begins, keeps and ends alerts by the points up to now, and returns those that began or ended.
func (a *alerts) judge(m *Monitor, now time.Duration) []Alert {
	var news []Alert
	found := m.causes(now)
	for _, c := range found {
		old := a.find(c.Type)
		if old == nil {
			old = &active{Alert: c}
			old.Since = m.at(now)
			a.active = append(a.active, old)
			c.Since, c.Timestamp = old.Since, old.Since
			news = append(news, c)
		}
		old.last, old.Message, old.Timestamp = now, c.Message, m.at(now)
	}
	kept := a.active[:0]
	for _, old := range a.active {
		if now-old.last < alertCalm {
			kept = append(kept, old)
			continue
		}
		end := m.at(now)
		old.Until = &end
		news = append(news, old.Alert)
		if len(a.ended) == maxAlertsOfOld {
			a.ended = append(a.ended[:0], a.ended[1:]...)
		}
		a.ended = append(a.ended, old.Alert)
	}
	clear(a.active[len(kept):])
	a.active = kept
	return news
}

func (a *alerts) find(kind string) *active {
	for _, old := range a.active {
		if old.Type == kind {
			return old
		}
	}
	return nil
}

// causes returns what is wrong now.
func (m *Monitor) causes(now time.Duration) []Alert {
	var list []Alert
	add := func(kind, severity, format string, args ...any) {
		list = append(list, Alert{Type: kind, Severity: severity, Message: fmt.Sprintf(format, args...)})
	}
	var total, failed uint64
	var sum int64
	for _, s := range m.points.fine.since(now - alertWindow) {
		total, failed, sum = total+s.total, failed+s.failed, sum+s.sum
	}
	if total >= alertRequests {
		if average := units(sum) / float64(total); average > maxAverage {
			add(AlertResponseTime, Warn, "average response time is %.2f ms over %v", average, alertWindow)
		}
		if rate := 100 * float64(failed) / float64(total); rate > maxErrorRate {
			add(AlertErrorRate, Critical, "error rate is %.2f %% over %v", rate, alertWindow)
		}
	}
	if p, ok := m.points.fine.exhausted(); ok {
		of := ""
		if p.PoolFull < p.PoolMax {
			of = fmt.Sprintf(" of a pool, of %d in all,", p.PoolMax)
		}
		add(AlertPool, Warn, "all %d database connections%s are in use, and %.0f requests a second find none idle", p.PoolFull, of, p.PoolWaits)
	}
	if from, to, ok := m.points.fine.rising(now); ok {
		add(AlertMemory, Warn, "resident memory rose from %d to %d MiB in %d minutes, and in each of them",
			from/bytesPerMebibyte, to/bytesPerMebibyte, memoryMinutes)
	}
	return list
}

// exhausted tells whether a pool was in use to its last connection at each of the last samples.
func (r ring) exhausted() (last Point, ok bool) {
	if len(r) < poolSamples {
		return Point{}, false
	}
	for _, s := range r[len(r)-poolSamples:] {
		if s.PoolFull == 0 || s.PoolWaits == 0 {
			return Point{}, false
		}
	}
	return r[len(r)-1].Point, true
}

// rising tells whether the least resident memory of each of the last minutes was above that of the one before. The
// least is what garbage collection leaves; a sawtooth does not rise.
func (r ring) rising(now time.Duration) (from, to uint64, ok bool) {
	var least [memoryMinutes + 1]uint64
	for i := len(r) - 1; i >= 0; i-- {
		minute := int((now - r[i].to) / time.Minute)
		if minute >= len(least) {
			break
		}
		if b := r[i].ResidentBytes; least[minute] == 0 || b < least[minute] {
			least[minute] = b
		}
	}
	for i := range memoryMinutes {
		if older := least[i+1]; older == 0 || least[i] < older+minRise {
			return 0, 0, false
		}
	}
	return least[memoryMinutes], least[0], true
}
