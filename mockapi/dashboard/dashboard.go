// Package dashboard is the page at /dashboard of a running mock: what the monitor sees, the fault rules with their
// switches, and the dataset. The server writes all of it, tables and charts; a small script of this package puts
// the newest in place once a second. It needs nothing from elsewhere, and without scripts it still shows what was
// true when it was loaded.
//
// Looking takes no token. The switches call the control API (mockapi/admin), with the token that the page asks
// for and keeps for as long as the tab is open.
package dashboard

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/look"
	"github.com/medianest/testbed/mockapi/monitor"
)

//go:embed page.html live.html dashboard.js icon.svg
var files embed.FS

// Path is where the page is; everything else of it is below.
const Path = "/dashboard"

// policy lets the page use what it is served with, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Options are what the page shows.
type Options struct {
	Version string
	Monitor *monitor.Monitor
	Faults  *fault.Engine
	// Dataset tells what is being served, NOT_FOUND for a database that was never seeded, and Rows how many rows.
	Dataset func(context.Context) (mockapi.Dataset, error)
	Rows    func(context.Context) ([]mockapi.TableRows, error)
}

// Handler serves the page to any number of readers: what they see is made once a second at most for each window
// that somebody looks at.
type Handler struct {
	Options
	started    time.Time
	page, live *template.Template
	presets    []fault.Preset
	assets     map[string]asset

	mu    sync.Mutex
	made  map[time.Duration]*view // the last of each window
	data  data
	asked time.Time // when data was read
}

type asset struct {
	contentType string
	body        []byte
}

// New returns the page of a mock.
func New(o Options) (*Handler, error) {
	d := &Handler{Options: o, started: time.Now(), made: make(map[time.Duration]*view)}
	var err error
	if d.presets, err = fault.Presets(); err != nil {
		return nil, err
	}
	parse := func(name string) *template.Template {
		t, parseErr := template.New(name).Funcs(functions).ParseFS(files, name)
		if err == nil {
			err = parseErr
		}
		return t
	}
	d.page, d.live = parse("page.html"), parse("live.html")
	read := func(name string) []byte {
		b, readErr := files.ReadFile(name)
		if err == nil {
			err = readErr
		}
		return b
	}
	d.assets = map[string]asset{
		Path + "/look.css":     {"text/css; charset=utf-8", []byte(look.Stylesheet())},
		Path + "/dashboard.js": {"text/javascript; charset=utf-8", read("dashboard.js")},
		Path + "/icon.svg":     {"image/svg+xml", read("icon.svg")},
	}
	if err != nil {
		return nil, fmt.Errorf("read the dashboard's files: %w", err)
	}
	return d, nil
}

// Routes are what the page is made of, by path, for GET and HEAD.
func (d *Handler) Routes() map[string]http.Handler {
	routes := map[string]http.Handler{
		Path: d.shown((*Handler).whole), Path + "/live": d.shown((*Handler).alive),
	}
	for path, a := range d.assets {
		routes[path] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			send(w, http.StatusOK, a.contentType, "no-cache", a.body)
		})
	}
	return routes
}

// shown serves what is made of a window.
func (d *Handler) shown(what func(*Handler, context.Context, time.Duration) ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		window, err := windowOf(r)
		if err != nil {
			send(w, http.StatusBadRequest, "text/plain; charset=utf-8", "no-store", []byte(err.Error()+"\n"))
			return
		}
		body, err := what(d, r.Context(), window)
		if err != nil {
			send(w, http.StatusInternalServerError, "text/plain; charset=utf-8", "no-store", []byte(err.Error()+"\n"))
			return
		}
		send(w, http.StatusOK, "text/html; charset=utf-8", "no-store", body)
	})
}

func send(w http.ResponseWriter, status int, contentType, cache string, body []byte) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", cache)
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone needs no answer
}

// windows are the times that may be looked back at, by how the address says it.
var windows = [...]struct {
	Name, Words string
	duration    time.Duration
}{
	{"1m", "1 minute", time.Minute}, {"5m", "5 minutes", 5 * time.Minute}, {"10m", "10 minutes", 10 * time.Minute},
	{"1h", "1 hour", time.Hour}, {"6h", "6 hours", 6 * time.Hour},
}

func windowOf(r *http.Request) (time.Duration, error) {
	name := r.URL.Query().Get("window")
	if name == "" {
		return monitor.DefaultWindow, nil
	}
	names := make([]string, len(windows))
	for i, w := range windows {
		if w.Name == name {
			return w.duration, nil
		}
		names[i] = w.Name
	}
	return 0, fmt.Errorf("window: %.20q is none of %s", name, strings.Join(names, ", "))
}

// whole returns what is alive in the page around it.
func (d *Handler) whole(ctx context.Context, window time.Duration) ([]byte, error) {
	live, err := d.alive(ctx, window)
	if err != nil {
		return nil, err
	}
	type choice struct {
		Name, Words string
		Current     bool
	}
	var choices []choice
	for _, w := range windows {
		choices = append(choices, choice{w.Name, w.Words, w.duration == window})
	}
	var b bytes.Buffer
	err = d.page.Execute(&b, map[string]any{
		"Version": d.Version, "Windows": choices, "Live": template.HTML(live), // which was escaped when it was made
	})
	if err != nil {
		return nil, fmt.Errorf("write the dashboard: %w", err)
	}
	return b.Bytes(), nil
}
