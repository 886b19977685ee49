package handler

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/monitor"
)

// performancePrefix is where the routes of Performance live.
const performancePrefix = prefix + "/performance"

// topOperations is how many slow operations are told.
const topOperations = 10

// Performance returns the routes that tell what a monitor has seen, and take what browsers measured. They are the
// mock's own, and open as its /metrics are.
func (a *API) Performance(m *monitor.Monitor) []Route {
	return []Route{
		{Method: http.MethodGet, Path: performancePrefix + "/metrics", Access: Open, Handle: performanceMetrics(m)},
		{Method: http.MethodGet, Path: performancePrefix + "/realtime", Access: Open, Handle: performanceEvents(m)},
		{Method: http.MethodPost, Path: performancePrefix + "/rum", Access: Open, Handle: recordVitals(m)},
	}
}

// performance is the answer of /performance/metrics. Times are in milliseconds; those of no request are null.
type performance struct {
	TimeWindow          int64                  `json:"timeWindow"` // as asked for
	From                time.Time              `json:"from"`
	To                  time.Time              `json:"to"`
	TotalRequests       uint64                 `json:"totalRequests"`
	FailedRequests      uint64                 `json:"failedRequests"`
	AverageResponseTime *float64               `json:"averageResponseTime"`
	P50ResponseTime     *float64               `json:"p50ResponseTime"`
	P95ResponseTime     *float64               `json:"p95ResponseTime"`
	P99ResponseTime     *float64               `json:"p99ResponseTime"`
	ErrorRate           *float64               `json:"errorRate"`  // percent
	Throughput          float64                `json:"throughput"` // requests a second
	TopSlowOperations   []slowOperation        `json:"topSlowOperations"`
	PerformanceAlerts   []monitor.Alert        `json:"performanceAlerts"`
	RealUserMonitoring  []monitor.VitalSummary `json:"realUserMonitoring"`
}

// slowOperation is an operation by its slowest request.
type slowOperation struct {
	Operation           string    `json:"operation"`
	Service             string    `json:"service"`
	Duration            float64   `json:"duration"`
	Timestamp           time.Time `json:"timestamp"`
	Requests            uint64    `json:"requests"`
	Failed              uint64    `json:"failed"`
	AverageResponseTime float64   `json:"averageResponseTime"`
	P95ResponseTime     float64   `json:"p95ResponseTime"`
}

func performanceMetrics(m *monitor.Monitor) HandlerFunc {
	return func(c *Call) error {
		p := c.params()
		ms := p.int("timeWindow", monitor.MinWindow.Milliseconds(), monitor.MaxWindow.Milliseconds(), monitor.DefaultWindow.Milliseconds())
		if err := p.err(); err != nil {
			return err
		}
		window := time.Duration(ms) * time.Millisecond
		s := m.Summary(window)
		answer := performance{
			TimeWindow: ms, From: s.From, To: s.To, TotalRequests: s.Requests, FailedRequests: s.Failed, Throughput: s.Throughput,
			TopSlowOperations: []slowOperation{}, PerformanceAlerts: m.Alerts(window), RealUserMonitoring: m.Vitals(window),
		}
		if l := s.Latency; l != nil {
			answer.AverageResponseTime, answer.P50ResponseTime, answer.P95ResponseTime, answer.P99ResponseTime = &l.Average, &l.P50, &l.P95, &l.P99
		}
		if rate, ok := s.ErrorRate(); ok {
			answer.ErrorRate = &rate
		}
		operations := m.Operations(window)
		for _, o := range operations[:min(len(operations), topOperations)] {
			answer.TopSlowOperations = append(answer.TopSlowOperations, slowOperation{
				Operation: o.Name, Service: o.Tags["service"], Duration: o.Latency.Max, Timestamp: o.Slowest, Requests: o.Requests,
				Failed: o.Failed, AverageResponseTime: o.Latency.Average, P95ResponseTime: o.Latency.P95,
			})
		}
		body, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		b := append(c.buf[:0], `{"success":true,`...)
		c.gin.Writer.Header()["Cache-Control"] = []string{"no-store"}
		c.finish(http.StatusOK, append(b, body[1:len(body)-1]...))
		return nil
	}
}

const (
	// heartbeat is how often a stream tells that it lives, whatever else it has to tell.
	heartbeat = 15 * time.Second
	// streamWrite bounds each write to a stream: a reader that takes nothing for so long is let go.
	streamWrite = 10 * time.Second
	// streamRetry is when a reader that was refused or let go should come back.
	streamRetry = 3 * time.Second
)

// performanceEvents streams the monitor's events as server-sent events, until the reader or the monitor ends.
func performanceEvents(m *monitor.Monitor) HandlerFunc {
	return func(c *Call) error {
		r, w := c.gin.Request, c.gin.Writer
		start := func() {
			h := w.Header()
			h["Content-Type"] = []string{"text/event-stream"}
			h["Cache-Control"] = []string{"no-store"}
			w.WriteHeader(http.StatusOK)
			w.WriteHeaderNow()
		}
		if r.Method == http.MethodHead {
			start()
			return nil
		}
		after, _ := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64) // what is no id of ours is of no use
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		s, err := m.Subscribe(ctx, after)
		if err != nil {
			return &mockapi.Error{Code: mockapi.CodeUnavailable, Message: err.Error(), RetryAfter: streamRetry}
		}
		control := http.NewResponseController(w)
		send := func(b []byte) error {
			// The server's own is for answers that end. A writer that has none has nothing to put off.
			_ = control.SetWriteDeadline(time.Now().Add(streamWrite))
			if _, err := w.Write(b); err != nil {
				return err
			}
			return control.Flush()
		}
		beat := time.NewTicker(heartbeat)
		defer beat.Stop()
		start()
		b := append(c.buf[:0], "retry: "...)
		b = strconv.AppendInt(b, streamRetry.Milliseconds(), 10)
		b = appendHeartbeat(append(b, '\n'), time.Now())
		for {
			if n := s.Missed(); n > 0 {
				b = append(b, "event: missed\ndata: {\"count\":"...)
				b = append(strconv.AppendUint(b, n, 10), "}\n\n"...)
			}
			if send(b) != nil {
				return nil // there is nobody left to tell
			}
			b = b[:0]
			select {
			case e, open := <-s.C:
				if !open {
					return nil
				}
				b = append(b, "id: "...)
				b = strconv.AppendUint(b, e.ID, 10)
				b = append(append(b, "\nevent: "...), e.Type...)
				b = append(append(b, "\ndata: "...), e.Data...)
				b = append(b, "\n\n"...)
			case now := <-beat.C:
				b = appendHeartbeat(b, now)
			}
		}
	}
}

func appendHeartbeat(b []byte, now time.Time) []byte {
	b = append(b, `event: heartbeat`+"\n"+`data: {"timestamp":`...)
	return append(appendTime(b, now), "}\n\n"...)
}

// Bounds of beacons.
const (
	maxBeacons    = 50
	maxVitalValue = 3_600_000 // an hour, where it is in milliseconds
)

// beacon is one measurement as the web-vitals library sends it; what else it sends is left alone.
type beacon struct {
	Name           *string  `json:"name"`
	Value          *float64 `json:"value"`
	Rating         *string  `json:"rating"`
	ID             *string  `json:"id"`
	NavigationType *string  `json:"navigationType"`
	Page           *string  `json:"page"`
}

// recordVitals takes one measurement or a list of them. navigator.sendBeacon sends JSON as text/plain.
func recordVitals(m *monitor.Monitor) HandlerFunc {
	return func(c *Call) error {
		if ct := c.gin.GetHeader("Content-Type"); ct != "" && !isJSON(ct) && !isPlainText(ct) {
			return mockapi.Errorf(mockapi.CodeUnsupportedMedia, "the body is %.100q, send JSON as application/json or text/plain", ct)
		}
		var sent []beacon
		err := c.readBody(func(body []byte) error { return decodeOneOrMore(body, &sent) })
		if err != nil {
			return err
		}
		var p problems
		if len(sent) == 0 || len(sent) > maxBeacons {
			p.add("", "there are %d measurements, want 1 to %d", len(sent), maxBeacons)
			return p.err()
		}
		vitals := make([]monitor.Vital, len(sent))
		for i := range sent {
			vitals[i] = sent[i].check(&p)
		}
		if err := p.err(); err != nil {
			return err
		}
		for _, v := range vitals {
			m.RecordVital(v)
		}
		return c.replyJSON(http.StatusAccepted, "accepted", len(vitals))
	}
}

func isPlainText(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "text/plain"
}

// decodeOneOrMore decodes an object, or an array of them.
func decodeOneOrMore[T any](body []byte, into *[]T) error {
	if startOf(body) == '[' {
		return decodeJSON(body, into)
	}
	*into = make([]T, 1)
	return decodeObject(body, &(*into)[0])
}

func (b *beacon) check(p *problems) (v monitor.Vital) {
	text := func(field string, s *string, hi int, to *string) {
		if s != nil {
			p.text(field, *s, 0, hi)
			*to = *s
		}
	}
	text("name", b.Name, 10, &v.Name)
	text("id", b.ID, 100, &v.ID)
	text("navigationType", b.NavigationType, 40, &v.NavigationType)
	text("page", b.Page, 500, &v.Page)
	if !monitor.IsVital(v.Name) {
		p.add("name", "is %.20q, want LCP, INP, CLS, FCP or TTFB", v.Name)
	}
	if b.Rating != nil && *b.Rating != monitor.RatingGood && *b.Rating != monitor.RatingMid && *b.Rating != monitor.RatingPoor {
		p.add("rating", "is %.20q, want good, needs-improvement or poor", *b.Rating)
	}
	switch {
	case b.Value == nil:
		p.add("value", "is missing")
	case *b.Value < 0 || *b.Value > maxVitalValue:
		p.add("value", "is %g, want 0 to %d", *b.Value, maxVitalValue)
	default:
		v.Value = *b.Value
	}
	return v
}
