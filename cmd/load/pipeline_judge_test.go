package main

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
)

// A comparison that can't be written costs the next test none.
func TestComparisonsGoOn(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(dir, "nowhere", "summary.md"))
	store := compare.Store{Dir: filepath.Join(dir, "baselines")}
	p := &pipeline{
		pipelineCmd: &pipelineCmd{Baselines: store.Dir, FailOn: compare.Critical}, app: &app{cli: &cli{Quiet: true}, stdout: io.Discard},
		log: slog.New(slog.DiscardHandler), dir: dir,
	}
	for n, test := range []string{"one", "other"} {
		r := newStoredResult()
		r.test, r.seed = test, uint64(n)
		path := filepath.Join(dir, test+".json")
		if err := r.make().Write(path); err != nil {
			t.Fatal(err)
		}
		if _, _, err := store.Save([]string{path}, compare.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := store.Promote(test); err != nil {
			t.Fatal(err)
		}
		r.slower, r.seed = 2, r.seed+10
		p.outcomes = append(p.outcomes, outcome{Test: test, Result: path, result: r.make()})
	}
	if err := p.compare(t.Context()); err == nil {
		t.Error("nobody is told of the summary that can't be written")
	}
	for _, o := range p.outcomes {
		if o.Regression == "" || o.ExitCode != 1 {
			t.Errorf("%s: %s", o.Test, o.comparedWith())
		}
	}
}
