package suite_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/suite"
	"github.com/medianest/testbed/fixtures/k6/k6test"
)

// recorded is what one client sent and measured.
type recorded struct {
	server *k6test.Server
	// points counts the samples of each metric, and tags the values that each tag of http_reqs has.
	points map[string]int
	types  map[string]string // "rate default"
	tags   map[string]map[string]bool
	checks map[string]int // by group and name
}

func newRecorded() recorded {
	return recorded{points: map[string]int{}, types: map[string]string{}, tags: map[string]map[string]bool{}, checks: map[string]int{}}
}

// byK6 has k6 do the iterations of a script.
func byK6(t *testing.T, name string, iterations int) recorded {
	t.Helper()
	out := filepath.Join(t.TempDir(), "points.json")
	script := filepath.Join("..", "..", "..", "..", "fixtures", "k6", name+".js")
	r := newRecorded()
	r.server, _ = k6test.Run(t, script, iterations, "--out", "json="+out)
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var line struct {
			Type, Metric string
			Data         struct {
				Type, Contains string
				Tags           map[string]string
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		switch {
		case line.Type == "Metric":
			r.types[line.Metric] = line.Data.Type + " " + line.Data.Contains
		case line.Data.Tags["group"] == "::setup" || line.Data.Tags["group"] == "::teardown":
		default:
			r.points[line.Metric]++
			switch line.Metric {
			case "http_reqs":
				r.tag(line.Data.Tags)
			case "checks":
				r.checks[line.Data.Tags["group"]+" "+line.Data.Tags["check"]]++
			}
		}
	}
	return r
}

func (r *recorded) tag(tags map[string]string) {
	for name, value := range tags {
		if r.tags[name] == nil {
			r.tags[name] = map[string]bool{}
		}
		r.tags[name][value] = true
	}
}

// bySuite has the suite do them.
func bySuite(t *testing.T, name string, iterations int) (recorded, *world) {
	t.Helper()
	r := newRecorded()
	r.server = k6test.NewServer(t)
	w := newWorld(t, name, r.server.URL, nil)
	w.run(iterations)
	r.server.Check(t)
	for _, m := range w.registry.Metrics() {
		r.points[m.Name] = int(w.total(m.Name).Count)
		r.types[m.Name] = m.Type.String() + " " + m.Contains.String()
	}
	w.eachTags("http_reqs", func(tags map[string]string, _ *metrics.Sink) { r.tag(tags) })
	w.eachTags("checks", func(tags map[string]string, sink *metrics.Sink) {
		r.checks[tags["group"]+" "+tags["check"]] += int(sink.Count)
		if sink.Passes != sink.Count && !strings.Contains(tags["check"], "time <") {
			t.Errorf("check %q failed %d of %d times", tags["check"], sink.Count-sink.Passes, sink.Count)
		}
	})
	if failed := w.total("http_req_failed"); failed.Passes > 0 {
		t.Errorf("%d of %d requests failed against a server that never fails", failed.Passes, failed.Count)
	}
	return r, w
}

// normal writes routes so that two servers' can be compared, and sums the searches up.
func normal(counts map[string]int) map[string]int {
	sums := map[string]int{}
	for route, n := range counts {
		if path, term, ok := strings.Cut(route, "/search?q="); ok {
			sums["search "+term] += n
			route = path + "/search"
		}
		sums[route] += n
	}
	return sums
}

// TestCoreIsTheScripts compares how often each endpoint is asked for. Each of these choices is a draw of its
// own, so each is held against the document's weights by a chi-square test, and the suite's sample against
// k6's. The bounds are passed once in a million by chance.
func TestCoreIsTheScripts(t *testing.T) {
	const iterations, k6s = 6000, 1500
	ours, w := bySuite(t, suite.Core, iterations)
	theirs := byK6(t, suite.Core, k6s)
	a, b := normal(ours.server.Counts()), normal(theirs.server.Counts())
	if !slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))) {
		t.Fatalf("routes: suite %v\nk6 %v", slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
	}
	// A login that takes a second, as one may on a busy machine, is the end of its iteration in both.
	const session = "session"
	a[session], b[session] = ours.points["session_duration"], theirs.points["session_duration"]
	for _, choice := range []struct {
		route, of string // the route is asked for with a chance, each time that the other is
		chance    float64
	}{
		{"GET /api/v1/media", session, 0.75},
		{"GET /api/v1/media/{id}", "GET /api/v1/media", 1},
		{"POST /api/v1/media/upload", session, 0.40},
		{"GET /api/v1/collections", "POST /api/v1/media/upload", 1},
		{"POST /api/v1/collections", "GET /api/v1/collections", 0.20},
		{"GET /api/v1/search", session, 0.15},
		{"GET /api/v1/user/profile", "GET /api/v1/search", 1},
		{"PUT /api/v1/user/profile", "GET /api/v1/user/profile", 0.10},
	} {
		yes, no := []int{a[choice.route], b[choice.route]}, []int{a[choice.of] - a[choice.route], b[choice.of] - b[choice.route]}
		if choice.chance == 1 {
			if no[0] != 0 || no[1] != 0 {
				t.Errorf("%s must follow every %s: left out %d times by the suite, %d times by k6", choice.route, choice.of, no[0], no[1])
			}
			continue
		}
		if x := goodness([]int{yes[0], no[0]}, []float64{choice.chance, 1 - choice.chance}); x > bound1 {
			t.Errorf("%s: %d of %d, want a chance of %v: chi-square %.1f > %v", choice.route, yes[0], a[choice.of], choice.chance, x, bound1)
		}
		if x := homogeneity([]int{yes[0], no[0]}, []int{yes[1], no[1]}); x > bound1 {
			t.Errorf("%s: %d of %d, k6 %d of %d: chi-square %.1f > %v", choice.route, yes[0], a[choice.of], yes[1], b[choice.of], x, bound1)
		}
	}
	var terms [2][]int
	for _, term := range []string{"photo", "video", "document", "image", "test"} {
		terms[0], terms[1] = append(terms[0], a["search "+term]), append(terms[1], b["search "+term])
	}
	even := []float64{0.2, 0.2, 0.2, 0.2, 0.2}
	if x := goodness(terms[0], even); x > bound4 {
		t.Errorf("search terms %v: chi-square %.1f > %v", terms[0], x, bound4)
	}
	if x := homogeneity(terms[0], terms[1]); x > bound4 {
		t.Errorf("search terms %v, k6 %v: chi-square %.1f > %v", terms[0], terms[1], x, bound4)
	}
	logins := make([]int, 5)
	for _, body := range ours.server.Bodies("POST /api/v1/auth/login") {
		var l struct{ Email string }
		var n int
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(l.Email, "perf.user%d@medianest.test", &n); err != nil || n < 1 || n > 5 {
			t.Fatalf("login of %q", l.Email)
		}
		logins[n-1]++
	}
	if x := goodness(logins, even); x > bound4 {
		t.Errorf("logins of the five users: %v: chi-square %.1f > %v", logins, x, bound4)
	}

	compareBodies(t, ours, theirs)
	compareMeasured(t, ours, theirs)
	// Every request counts in both; a wait for a connection once an iteration.
	for _, c := range []struct {
		name       string
		iterations int
		recorded
	}{{"suite", iterations, ours}, {"k6", k6s, theirs}} {
		for metric, want := range map[string]int{
			"response_time": c.points["http_reqs"], "error_rate": c.points["http_reqs"],
			"db_connection_time": c.iterations, "iterations": c.iterations,
		} {
			if got := c.points[metric]; got != want {
				t.Errorf("%s: %d samples of %s, want %d", c.name, got, metric, want)
			}
		}
	}
	if got := w.total("db_connection_time").Values.Max(); got < 1.49 || got > 1.51 {
		t.Errorf("db_connection_time: got %v ms, want what the server's Server-Timing said, 1.5", got)
	}
}

func TestDatabaseIsTheScripts(t *testing.T) {
	const iterations = 50
	ours, w := bySuite(t, suite.Database, iterations)
	theirs := byK6(t, suite.Database, iterations)
	counts := ours.server.Counts()
	delete(counts, "GET /health") // the suite's set-up
	if !maps.Equal(counts, theirs.server.Counts()) {
		t.Errorf("requests: suite %v\nk6 %v", counts, theirs.server.Counts())
	}
	compareBodies(t, ours, theirs)
	compareMeasured(t, ours, theirs)
	comparePoints(t, ours, theirs)
	if got := w.total("db_connection_pool_utilization").Values.Mean(); got < 39.9 || got > 40.1 {
		t.Errorf("db_connection_pool_utilization: got %v, want what the server's Server-Timing said, 40", got)
	}
	if s := w.total("cache_hit_rate"); s.Passes != s.Count || s.Count == 0 {
		t.Errorf("cache_hit_rate: %d of %d, want all", s.Passes, s.Count)
	}
}

func TestMicroservicesIsTheScripts(t *testing.T) {
	const iterations = 50
	ours, _ := bySuite(t, suite.Microservices, iterations)
	theirs := byK6(t, suite.Microservices, iterations)
	if counts := ours.server.Counts(); !maps.Equal(counts, theirs.server.Counts()) {
		t.Errorf("requests: suite %v\nk6 %v", counts, theirs.server.Counts())
	}
	compareBodies(t, ours, theirs)
	compareMeasured(t, ours, theirs)
	comparePoints(t, ours, theirs)
}

// patterns are what the bodies of each route look like, to the last character.
func patterns() map[string]string {
	const instant = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`
	return map[string]string{
		"POST /api/v1/auth/register": `\{"email":"perf\.user[1-5]@medianest\.test","password":"Performance123!"\}`,
		"POST /api/v1/auth/login":    `\{"email":"perf\.user[1-5]?@medianest\.test","password":"Performance123!"\}`,
		"POST /api/v1/media/upload":  `\{"filename":"test-file-[a-z]{8}\.jpg","size":([1-4]\d{6}|[1-9]\d{5}|5000000),"mimeType":"image/jpeg"\}`,
		"POST /api/v1/collections":   `\{"name":"Test Collection [a-z]{6}","description":"Performance test collection created at ` + instant + `"\}`,
		"PUT /api/v1/user/profile":   `\{"preferences":\{"theme":"(dark|light)","notifications":(true|false)\}\}`,
		"POST /api/v1/bulk/operations": `\{"operations":\[` +
			`(\{"action":"create","type":"media","data":\{"filename":"bulk-file-\d{1,2}\.jpg","size":(0|[1-4]\d{6}|[1-9]\d{0,5})\}\},?){100}\]\}`,
		"POST /api/v1/transactions/execute": `\{"operations":\[` +
			`\{"table":"media_files","action":"update","where":\{"user_id":1\},"data":\{"last_accessed":"` + instant + `"\}\},` +
			`\{"table":"user_activity","action":"insert","data":\{"user_id":1,"action":"bulk_update","timestamp":"` + instant + `"\}\}\]\}`,
		"POST /api/auth/login":         `\{"email":"test@example\.com","password":"password123"\}`,
		"POST /api/notifications/send": `\{"userId":1,"type":"email","message":"Performance test notification"\}`,
	}
}

// compareBodies holds every body of both against the patterns, and the fields and types of one against those
// of the other.
func compareBodies(t *testing.T, ours, theirs recorded) {
	t.Helper()
	for route := range theirs.server.Counts() {
		if strings.HasPrefix(route, "GET ") {
			continue
		}
		pattern, ok := patterns()[route]
		if !ok {
			t.Errorf("%s: nothing is known of its body", route)
			continue
		}
		whole := regexp.MustCompile("^" + pattern + "$")
		var fields [2]map[string]bool
		for i, r := range []recorded{ours, theirs} {
			fields[i] = map[string]bool{}
			bodies := r.server.Bodies(route)
			if len(bodies) == 0 {
				t.Errorf("%s: no body", route)
			}
			for _, body := range bodies {
				if !whole.MatchString(body) {
					t.Fatalf("%s: body %s\nis not like %s", route, body, pattern)
				}
				var v any
				if err := json.Unmarshal([]byte(body), &v); err != nil {
					t.Fatalf("%s: %v: %s", route, err, body)
				}
				describe(v, "", fields[i])
			}
		}
		if !maps.Equal(fields[0], fields[1]) {
			t.Errorf("%s: fields of the suite %v, of k6 %v", route, slices.Sorted(maps.Keys(fields[0])), slices.Sorted(maps.Keys(fields[1])))
		}
	}
}

// describe notes the path and the type of every value.
func describe(v any, path string, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			describe(value, path+"."+name, into)
		}
	case []any:
		for _, value := range v {
			describe(value, path+"[]", into)
		}
	default:
		into[fmt.Sprintf("%s %T", path, v)] = true
	}
}

// compareMeasured holds the names of metrics, with their types, of checks, groups and tags against k6's.
func compareMeasured(t *testing.T, ours, theirs recorded) {
	t.Helper()
	for name, want := range theirs.types {
		if got := ours.types[name]; got != want {
			t.Errorf("metric %s is a %q, k6's a %q", name, got, want)
		}
	}
	if a, b := slices.Sorted(maps.Keys(ours.checks)), slices.Sorted(maps.Keys(theirs.checks)); !slices.Equal(a, b) {
		t.Errorf("checks: suite %q\nk6 %q", a, b)
	}
	for name, want := range theirs.tags {
		got := ours.tags[name]
		switch name {
		case "url": // no tag of the totals
			continue
		case "name": // ids are not in it, and the servers' ports differ
			got, want = withoutIDs(got), withoutIDs(want)
		}
		if !maps.Equal(got, want) {
			t.Errorf("tag %s: suite %v\nk6 %v", name, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
	for name := range ours.tags {
		if theirs.tags[name] == nil {
			t.Errorf("k6 has no tag %s", name)
		}
	}
}

var hostAndIDs = regexp.MustCompile(`^http://[^/]*|/\d+`)

func withoutIDs(names map[string]bool) map[string]bool {
	without := map[string]bool{}
	for name := range names {
		without[hostAndIDs.ReplaceAllStringFunc(name, func(s string) string {
			if strings.HasPrefix(s, "http") {
				return ""
			}
			return "/{id}"
		})] = true
	}
	return without
}

// comparePoints holds how often everything was sampled against k6's, where nothing is left to chance.
func comparePoints(t *testing.T, ours, theirs recorded) {
	t.Helper()
	for metric, want := range theirs.points {
		switch metric {
		case "vus", "vus_max": // the engine's
			continue
		case "data_sent", "data_received": // k6 samples these by iteration, not by request
			continue
		}
		if got := ours.points[metric]; got != want {
			t.Errorf("%d samples of %s, k6 has %d", got, metric, want)
		}
	}
	if !maps.Equal(ours.checks, theirs.checks) {
		t.Errorf("checks: suite %v\nk6 %v", ours.checks, theirs.checks)
	}
}
