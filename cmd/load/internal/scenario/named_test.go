package scenario_test

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/fixtures"
	"github.com/medianest/testbed/fixtures/k6/k6test"
)

func named(t *testing.T, name string) *scenario.Options {
	t.Helper()
	o, err := scenario.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestNamesAreTheFiles(t *testing.T) {
	files, err := fixtures.Scenarios.ReadDir("scenarios")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range files {
		want = append(want, strings.TrimSuffix(f.Name(), ".yaml"))
	}
	got := scenario.Names()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("names %v, files %v", got, want)
	}
	for _, name := range got {
		o := named(t, name)
		if o.Name != name || o.Description == "" || o.Source != "" || len(o.Scaled) > 0 || len(o.Warnings) > 0 {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// TestDocumentsSuitesAreTheK6Scripts reads what k6 says of each script's options, and wants the test of the same
// name to be that, to the last number.
func TestDocumentsSuitesAreTheK6Scripts(t *testing.T) {
	for _, name := range []string{"core", "database", "microservices"} {
		t.Run(name, func(t *testing.T) {
			script := filepath.Join("..", "..", "..", "..", "fixtures", "k6", name+".js")
			out, err := k6test.Command(t, "inspect", nil, script).Output()
			if err != nil {
				t.Fatal(err)
			}
			k6s, err := scenario.ParseFor(name, "k6.json", out)
			if err != nil {
				t.Fatal(err)
			}
			ours := named(t, name)
			if !reflect.DeepEqual(ours.Scenarios, k6s.Scenarios) {
				t.Errorf("scenarios:\n%s\nk6:\n%s", write(t, ours.Scenarios), write(t, k6s.Scenarios))
			}
			if a, b := conditions(ours), conditions(k6s); !slices.Equal(a, b) {
				t.Errorf("thresholds %q, k6's %q", a, b)
			}
			if len(k6s.Warnings) > 0 {
				t.Errorf("warnings about what is not set: %q", k6s.Warnings)
			}
		})
	}
}

func write(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// conditions are a test's thresholds, sorted.
func conditions(o *scenario.Options) []string {
	var all []string
	for _, c := range o.Thresholds {
		all = append(all, c.Selector.String()+" "+c.Source)
	}
	slices.Sort(all)
	return all
}

// TestCategories holds the named tests to the document's categories: users, durations, patterns.
func TestCategories(t *testing.T) {
	ramp := func(name string) *executor.RampingVUs { return named(t, name).Scenarios[0].(*executor.RampingVUs) }

	load := ramp("load")
	if l := load.Length(); l < 30*time.Minute || l > time.Hour {
		t.Errorf("load lasts %s, want 30 to 60 minutes", l)
	}
	if a, b := load.VUsAt(10*time.Minute), load.VUsAt(30*time.Minute); a != 1000 || b != 2000 {
		t.Errorf("load has %d and %d users, want 1,000 to 2,000", a, b)
	}

	stress := named(t, "stress")
	if stress.Search == nil || stress.Length() > 2*time.Hour {
		t.Errorf("stress: want a search of at most 2 hours, got %+v in %s", stress.Search, stress.Length())
	}

	spike := ramp("spike")
	if l := spike.Length(); l < 15*time.Minute || l > 30*time.Minute {
		t.Errorf("spike lasts %s, want 15 to 30 minutes", l)
	}
	if before, peak := spike.VUsAt(0), spike.VUsAt(time.Minute); before != 0 || peak != spike.PeakVUs() {
		t.Errorf("spike goes from %d to %d users in a minute, want 0 to its peak, %d", before, peak, spike.PeakVUs())
	}
	if named(t, "spike").Recovery == nil {
		t.Error("spike does not ask for the time to recover")
	}

	volume := named(t, "volume")
	if l := volume.Length(); l < 2*time.Hour || l > 4*time.Hour || volume.Suite != "volume" || volume.VerifyData == 0 {
		t.Errorf("volume: %s of %s, %v verified; want 2 to 4 hours with verified rows", l, volume.Suite, volume.VerifyData)
	}

	endurance := ramp("endurance")
	if l := endurance.Length(); l < 24*time.Hour || l > 72*time.Hour {
		t.Errorf("endurance lasts %s, want 24 to 72 hours", l)
	}
	if a, b := endurance.VUsAt(time.Hour), endurance.VUsAt(23*time.Hour); a != b || a < 1000 {
		t.Errorf("endurance has %d users and later %d, want the same normal load", a, b)
	}

	if l := named(t, "smoke").Length(); l > time.Minute {
		t.Errorf("smoke lasts %s", l)
	}
}

func TestLoadNamesNearMisses(t *testing.T) {
	for name, hint := range map[string]string{
		"lod":                   "did you mean load?",
		"zzz":                   "there are core, database",
		"missing/file.yaml":     "missing/file.yaml",
		filepath.Join("..", ""): "no file",
	} {
		if _, err := scenario.Load(name); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: want %q in: %v", name, hint, err)
		}
	}
}

func TestTargets(t *testing.T) {
	for set, want := range map[string][]string{
		"medianest":         {"http_req_duration p(50)<=300", "http_req_duration p(95)<=1000", "http_req_duration p(99)<=2000", "http_req_failed rate<=0.001", "http_reqs rate>=1000"},
		"medianest-target":  {"http_req_duration p(50)<=300", "http_req_duration p(95)<=1000", "http_req_duration p(99)<=2000", "http_req_failed rate<=0.001", "http_reqs rate>=2000"},
		"medianest-maximum": {"http_req_duration p(50)<=300", "http_req_duration p(95)<=1000", "http_req_duration p(99)<=2000", "http_req_failed rate<=0.001", "http_reqs rate>=5000", "vus_max value>=10000"},
	} {
		o := parse(t, "duration: 1m")
		with, err := o.WithTargets(set, set)
		if err != nil {
			t.Fatal(err)
		}
		if got := conditions(with); !slices.Equal(got, want) {
			t.Errorf("%s: got %q\nwant %q", set, got, want)
		}
		if problems := with.Validate(); len(problems) > 0 {
			t.Errorf("%s: %v", set, problems)
		}
		if len(o.Thresholds) != 0 {
			t.Error("the test itself was changed")
		}
	}
	if _, err := parse(t, "duration: 1m").WithTargets("medianst"); err == nil || !strings.Contains(err.Error(), "did you mean medianest?") {
		t.Errorf("want a near miss, got %v", err)
	}
}
