package suite_test

import (
	"strings"
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/suite"
	"github.com/medianest/testbed/cmd/load/internal/suite/librarytest"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
)

// verifying makes a world of which a share of the answers is verified.
func verifying(t *testing.T, name string, l *librarytest.Library, share float64, adjust func(*suite.Config)) (*world, *verify.Verifier) {
	t.Helper()
	v := verify.New(l.Data, nil)
	w := newWorld(t, name, l.URL, func(c *suite.Config) {
		c.Verifier, c.Share = v, share
		if adjust != nil {
			adjust(c)
		}
	})
	return w, v
}

// TestHonestAnswersAreVerified runs every suite, as the document's users and as users of their own, against
// a server that tells the truth.
func TestHonestAnswersAreVerified(t *testing.T) {
	for _, name := range suite.Names() {
		for logins, unique := range map[string]bool{"document": false, "unique": true} {
			t.Run(name+" "+logins, func(t *testing.T) {
				l := librarytest.New(t)
				w, v := verifying(t, name, l, 1, func(c *suite.Config) {
					if unique {
						c.Logins = suite.NewLogins(l.Data)
					}
				})
				w.run(100)
				for _, m := range v.Mismatches() {
					t.Error(m)
				}
				if failed := w.total("http_req_failed"); failed.Passes > 0 || failed.Count == 0 {
					t.Errorf("%d of %d requests failed", failed.Passes, failed.Count)
				}
				w.eachTags("checks", func(tags map[string]string, s *metricsSink) {
					if s.Passes != s.Count && !strings.Contains(tags["check"], "time <") {
						t.Errorf("check %q failed %d of %d times", tags["check"], s.Count-s.Passes, s.Count)
					}
				})
				checked, _ := v.Counts()
				verified := w.total(suite.DataVerified)
				if verified.Passes != verified.Count || int64(verified.Count) != checked || checked < 100 {
					t.Errorf("%s: %d of %d, and the verifier checked %d", suite.DataVerified, verified.Passes, verified.Count, checked)
				}
			})
		}
	}
}

func TestLiesAreCounted(t *testing.T) {
	l := librarytest.New(t)
	l.Lie = func(path string, body map[string]any) {
		if data, ok := body["data"].(map[string]any); ok && strings.HasPrefix(path, "/api/v1/media/") && data["title"] != nil {
			data["title"] = "stale"
		}
	}
	w, v := verifying(t, suite.Core, l, 1, nil)
	w.run(100)
	details := l.Requests("GET /api/v1/media/{id}")
	checked, wrong := v.Counts()
	if details == 0 || int(wrong) != details {
		t.Errorf("%d wrong answers found, %d were given", wrong, details)
	}
	if r := w.total(suite.DataVerified); int64(r.Count) != checked || int64(r.Count-r.Passes) != wrong {
		t.Errorf("%s: %d of %d, the verifier says %d wrong of %d", suite.DataVerified, r.Passes, r.Count, wrong, checked)
	}
	if failed := w.total("http_req_failed"); failed.Passes != 0 {
		t.Error("wrong data is no failed request: it has a metric of its own")
	}
}

// TestShare verifies a tenth, and the users do just what they do without.
func TestShare(t *testing.T) {
	l := librarytest.New(t)
	w, v := verifying(t, suite.Synthetic, l, 0.1, nil)
	w.run(1000)
	// Of the 5 requests of an iteration 4 can be verified.
	checked, _ := v.Counts()
	if x := goodness([]int{int(checked), 4000 - int(checked)}, []float64{0.1, 0.9}); x > bound1 {
		t.Errorf("%d of 4000 answers were verified, want a tenth: chi-square %.1f > %v", checked, x, bound1)
	}

	with, without := librarytest.New(t), librarytest.New(t)
	a, _ := verifying(t, suite.Core, with, 0.3, nil)
	a.run(300)
	newWorld(t, suite.Core, without.URL, nil).run(300)
	for _, route := range []string{"GET /api/v1/media", "POST /api/v1/media/upload", "POST /api/v1/collections", "GET /api/v1/search", "PUT /api/v1/user/profile"} {
		if n, m := with.Requests(route), without.Requests(route); n != m {
			t.Errorf("%s: %d times when verifying, %d times without", route, n, m)
		}
	}
}

func TestSyntheticChangesNothing(t *testing.T) {
	l := librarytest.New(t)
	w, _ := verifying(t, suite.Synthetic, l, 0, nil)
	w.run(20)
	w.eachTags("http_reqs", func(tags map[string]string, _ *metricsSink) {
		if tags["method"] != "GET" {
			t.Errorf("%s %s", tags["method"], tags["name"])
		}
	})
	if n := l.Requests("GET /api/v1/media/{id}"); n != 20 {
		t.Errorf("%d files were looked at in 20 iterations", n)
	}
}

func TestVolumeReadsEverything(t *testing.T) {
	for name, share := range map[string]float64{"with the dataset": 0.5, "without": -1} {
		t.Run(name, func(t *testing.T) {
			l := librarytest.New(t)
			var w *world
			if share > 0 {
				w, _ = verifying(t, suite.Volume, l, share, nil)
			} else {
				w = newWorld(t, suite.Volume, l.URL, nil)
			}
			w.run(400)
			for _, route := range []string{
				"GET /api/v1/media", "GET /api/v1/media/{id}", "GET /api/v1/media/{id}/tags", "GET /api/v1/media/{id}/comments",
				"GET /api/v1/media/{id}/content", "GET /api/v1/collections/{id}", "GET /api/v1/search", "GET /api/v1/search/advanced",
				"GET /api/v1/analytics/media-statistics",
			} {
				if l.Requests(route) == 0 {
					t.Errorf("%s was never asked for", route)
				}
			}
			if n := l.Requests("POST /api/v1/auth/login"); n != 10 {
				t.Errorf("%d logins of 10 users, who stay logged in", n)
			}
			if failed := w.total("http_req_failed"); failed.Passes > 0 {
				t.Errorf("%d of %d requests failed", failed.Passes, failed.Count)
			}
			pages, first := w.total("http_reqs", "operation", "page").Sum, w.total("http_reqs", "operation", "first_page").Sum
			if pages == 0 || first == 0 {
				t.Errorf("%v first pages, %v by cursor", first, pages)
			}
			names := map[string]bool{}
			w.eachTags("http_reqs", func(tags map[string]string, _ *metricsSink) { names[tags["name"]] = true })
			for name := range names {
				if strings.ContainsAny(strings.TrimPrefix(name, l.URL+"/api/v1"), "0123456789") && strings.Contains(name, "/media/") {
					t.Errorf("the name %s has an id in it", name)
				}
			}
			if len(names) > 40 {
				t.Errorf("%d names of requests", len(names))
			}
		})
	}
}
