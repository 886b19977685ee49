package page

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/loopback"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
	"github.com/medianest/testbed/cmd/load/internal/ui"
	"github.com/medianest/testbed/mockapi/look"
)

const (
	// maxReaders is how many pages are kept up to date at a time: each is a connection, and they all get the same.
	maxReaders = 200
	// writePatience is how long a reader may take for one state of the run.
	writePatience = 10 * time.Second
	// quiet is how long nothing may be sent, so that whatever is between keeps the connection.
	quiet = 15 * time.Second
	// farewell is how long the readers have, in the end, to get the verdict.
	farewell = 5 * time.Second
)

// Live serves a page of a run that goes on. A state is drawn once, when the first reader wants it, however many there
// are; without readers nothing is drawn.
type Live struct {
	templates *template.Template
	listener  net.Listener
	server    *http.Server
	done      chan struct{}
	readers   chan struct{} // holds a token for each

	mu      sync.Mutex
	changed chan struct{} // closed when there is a new state
	now     moment
	drawn   []byte // the state now, as it is sent; nil until somebody wants it
}

// Source is what a state is drawn of besides its View.
type Source struct {
	// Points returns the run's time so far.
	Points func() []metrics.Point
	// Metric finds a metric by its name, nil where there is none.
	Metric func(name string) *metrics.Metric
}

// moment is a state of the run.
type moment struct {
	ui.View
	run   Source
	final *report.Result // nil while the run goes on
}

// state is what a page gets.
type state struct {
	// Status is the state in a few words, for the page's title and for who can't see the rest.
	Status string `json:"status"`
	HTML   string `json:"html"`
	// Ended tells that there is no more to come.
	Ended bool `json:"ended"`
}

// ServeLive serves the page at an address, HOST:PORT, at 127.0.0.1 where it has no host; of port 0 it takes a free
// one.
func ServeLive(address string) (*Live, error) {
	t, err := templates("live.tmpl")
	if err != nil {
		return nil, fmt.Errorf("serve the dashboard: %w", err)
	}
	listener, err := loopback.Listen(address)
	if err != nil {
		return nil, fmt.Errorf("serve the dashboard: %w", err)
	}
	l := &Live{templates: t, listener: listener, done: make(chan struct{}), readers: make(chan struct{}, maxReaders), changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", l.page)
	mux.HandleFunc("GET /events", l.events)
	mux.HandleFunc("GET /style.css", asset("text/css; charset=utf-8", string(Stylesheet())))
	mux.HandleFunc("GET /live.js", asset("text/javascript; charset=utf-8", embedded("live.js")))
	l.server = &http.Server{Handler: l.guard(mux), ReadTimeout: 5 * time.Second, WriteTimeout: writePatience, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() {
		defer close(l.done)
		_ = l.server.Serve(listener) // ends with close
	}()
	return l, nil
}

// URL is where the page is.
func (l *Live) URL() string { return "http://" + l.listener.Addr().String() + "/" }

// guard sets what every answer has, and refuses names that lead here from elsewhere: a page of another site must not
// read this one by having its own name resolved to this machine.
func (l *Live) guard(next http.Handler) http.Handler {
	addr, _ := l.listener.Addr().(*net.TCPAddr)
	private := addr != nil && addr.IP.IsLoopback()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if private && !loopback.Is(host) {
			http.Error(w, "this page is for this machine", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func asset(contentType, content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(content)) // nobody to tell
	}
}

// Show takes over a new state. The source is asked when it is drawn, if it is.
func (l *Live) Show(v ui.View, s Source) {
	l.set(func(m *moment) { m.View, m.run = v, s })
}

func (l *Live) set(change func(*moment)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.now)
	l.drawn = nil
	close(l.changed)
	l.changed = make(chan struct{})
}

// End shows the verdict, lets the pages that are open have it, and ends the server; r is nil where there is none.
func (l *Live) End(r *report.Result) error {
	if r == nil {
		r = &report.Result{Verdict: report.Verdict{ExitCode: report.ExitEnvironment, Word: "not run"}}
	}
	l.set(func(m *moment) { m.final = r })
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	err := l.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // somebody did not listen
		err = l.server.Close()
	}
	<-l.done
	return err
}

// current returns the state as it is sent, and what is closed once there is a newer one.
func (l *Live) current() (data []byte, ended bool, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drawn == nil {
		var s state
		if s, err = l.draw(&l.now); err != nil {
			return nil, false, nil, err
		}
		if l.drawn, err = json.Marshal(s); err != nil {
			return nil, false, nil, err
		}
	}
	return l.drawn, l.now.final != nil, l.changed, nil
}

func (l *Live) page(w http.ResponseWriter, _ *http.Request) {
	data, _, _, err := l.current()
	var s state
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	var b bytes.Buffer
	if err == nil {
		err = l.templates.ExecuteTemplate(&b, "live", struct {
			Status  string
			Content template.HTML
			Ended   bool
		}{s.Status, template.HTML(s.HTML), s.Ended})
	}
	if err != nil {
		http.Error(w, "the page can't be drawn: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // nobody to tell
}

// events sends every state as a server-sent event; who is slow misses some.
func (l *Live) events(w http.ResponseWriter, r *http.Request) {
	select {
	case l.readers <- struct{}{}:
		defer func() { <-l.readers }()
	default:
		http.Error(w, "there are too many readers", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	for {
		data, ended, changed, err := l.current()
		if err != nil {
			return // the page tells why
		}
		if send(w, out, "event: state\ndata: %s\n\n", data) != nil || ended {
			return
		}
		for waiting := true; waiting; {
			select {
			case <-changed:
				waiting = false
			case <-r.Context().Done():
				return
			case <-time.After(quiet):
				if send(w, out, ":\n\n") != nil {
					return
				}
			}
		}
	}
}

func send(w http.ResponseWriter, out *http.ResponseController, format string, args ...any) error {
	if err := out.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, format, args...); err != nil {
		return err
	}
	return out.Flush()
}

// liveView is a moment in the page.
type liveView struct {
	*moment
	Verdict    *view // nil while the run goes on
	Charts     []template.HTML
	Rate       float64 // requests a second, of the last seconds
	Share      float64 // of the run that is done
	Limits     []limit
	ErrorKinds []errorKind
}

// limit is a threshold at the moment.
type limit struct {
	threshold.Result
	Value string
	Early bool // it does not hold yet
}

// draw makes what pages get of a moment.
func (l *Live) draw(m *moment) (state, error) {
	v := liveView{moment: m}
	if m.Covered > 0 {
		v.Rate = float64(m.Recent.Requests) / m.Covered.Seconds()
	}
	if m.Length > 0 {
		v.Share = min(m.Elapsed.Seconds()/m.Length.Seconds(), 1)
	}
	for _, t := range m.Thresholds {
		v.Limits = append(v.Limits, limit{t, m.value(&t), t.State == threshold.Failed && m.Early()})
	}
	slices.SortStableFunc(v.Limits, func(a, b limit) int { return cmp.Compare(rank(a.State), rank(b.State)) })
	for kind, n := range m.Errors {
		v.ErrorKinds = append(v.ErrorKinds, errorKind{Kind: kind, Count: n, Share: shareOf(n, m.Requests)})
	}
	slices.SortFunc(v.ErrorKinds, func(a, b errorKind) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind)) })
	if m.final != nil {
		v.Verdict = &view{Result: m.final}
	}
	if m.run.Points != nil {
		stretches := Stretches(m.run.Points(), 0)
		for _, c := range []look.Chart{Latency("live", stretches, nil), Rates("live", stretches, nil), Users("live", stretches, nil)} {
			figure, err := c.Figure()
			if err != nil {
				return state{}, err
			}
			v.Charts = append(v.Charts, figure)
		}
	}
	var b bytes.Buffer
	if err := l.templates.ExecuteTemplate(&b, "state", v); err != nil {
		return state{}, err
	}
	return state{Status: v.status(), HTML: b.String(), Ended: m.final != nil}, nil
}

// status says it in a few words, which change only when something has happened.
func (v *liveView) status() string {
	switch {
	case v.Verdict != nil:
		return v.Name + ": " + v.Verdict.Verdict.Word
	case v.Name == "":
		return "the test is being set up"
	case !v.Health.Valid && len(v.Health.Reasons) > 0:
		return v.Name + ": running; the generator is the bottleneck"
	}
	crossed := 0
	for _, t := range v.Thresholds {
		if t.State == threshold.Failed && !v.Early() {
			crossed++
		}
	}
	if crossed > 0 {
		return fmt.Sprintf("%s: running; %s crossed", v.Name, plural(crossed, "threshold", "thresholds"))
	}
	return v.Name + ": running"
}

// rank puts what needs to be seen first.
func rank(s threshold.State) int {
	switch s {
	case threshold.Failed:
		return 0
	case threshold.Passed:
		return 1
	}
	return 2
}

// value writes what a threshold looks at in the metric's unit.
func (m *moment) value(t *threshold.Result) string {
	if t.State == threshold.NoData {
		return ""
	}
	unit := look.Count
	if x := m.run.Metric(t.Selector.Metric); x != nil {
		counted := strings.HasPrefix(t.Source, "count")
		switch {
		case x.Type == metrics.Rate:
			unit = look.Ratio
		case x.Contains == metrics.Time && !counted:
			unit = look.Milliseconds
		case x.Contains == metrics.Data && !counted:
			unit = look.Bytes
		case x.Type == metrics.Counter && !counted:
			unit = look.PerSecond
		}
	}
	return unit.Format(t.Value)
}
