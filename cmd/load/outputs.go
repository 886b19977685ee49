package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/history"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// The kinds of --out.
const (
	outJSON       = "json"
	outCSV        = "csv"
	outPrometheus = "prometheus"
	outOTLP       = "otel"
	outRemote     = "prometheus-rw"
)

// outKinds says how each kind of --out is written.
const outKinds = "json=FILE, csv=FILE, prometheus=HOST:PORT, prometheus-rw=URL and otel=URL"

// checkOutputs tells what is wrong with the flags that name outputs, before anything runs.
func (o *outputFlags) checkOutputs() error {
	errs := []error{o.historyFlags.check()}
	for _, out := range o.Out {
		kind, where, _ := strings.Cut(out, "=")
		switch {
		case !slices.Contains([]string{outJSON, outCSV, outPrometheus, outOTLP, outRemote}, kind):
			errs = append(errs, fmt.Errorf("--out: %q is none of %s", out, outKinds))
		case where == "":
			errs = append(errs, fmt.Errorf("--out: %q does not say where to, as in %s; FILE may be - for standard output", out, outKinds))
		case kind == outOTLP || kind == outRemote:
			check := map[string]func(string) error{outOTLP: report.CheckOTLP, outRemote: report.CheckRemoteWrite}[kind]
			if err := check(where); err != nil {
				errs = append(errs, fmt.Errorf("--out %s: %w", kind, err))
			}
		case kind == outPrometheus:
			if err := checkListens(where); err != nil {
				errs = append(errs, fmt.Errorf("--out %s: %w", kind, err))
			}
		case where != "-":
			if err := checkOverwritten(where); err != nil {
				errs = append(errs, fmt.Errorf("--out %s: %w", kind, err))
			}
		}
	}
	for _, f := range []struct{ flag, path string }{
		{"--summary", o.Summary}, {"--summary-export", o.SummaryExport}, {"--junit", o.JUnit}, {"--result", o.Result}, {"--checkpoint", o.Checkpoint},
	} {
		if f.path == "" {
			continue
		}
		if err := checkReplaced(f.path); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.flag, err))
		}
	}
	return errors.Join(append(errs, o.checkDistinct()...)...)
}

// checkDistinct tells of files that two outputs would write.
func (o *outputFlags) checkDistinct() []error {
	var errs []error
	taken := make(map[string]string) // flags by path
	take := func(flag, path string) {
		if info, err := os.Stat(path); path == "" || err == nil && !info.Mode().IsRegular() {
			return // a device or a pipe may take them all
		}
		path = filepath.Clean(path)
		if other, ok := taken[path]; ok {
			errs = append(errs, fmt.Errorf("%s: %s writes %s too, name another", flag, other, path))
		}
		taken[path] = flag
	}
	for _, out := range o.Out {
		if kind, where, _ := strings.Cut(out, "="); kind == outJSON || kind == outCSV {
			take("--out "+kind, where)
		}
	}
	take("--summary", o.Summary)
	take("--summary-export", o.SummaryExport)
	take("--junit", o.JUnit)
	take("--result", o.Result)
	take("--checkpoint", o.checkpoint())
	return errs
}

// toStdout tells that samples go to standard output, where they must be alone to be read.
func (o *outputFlags) toStdout() bool {
	return slices.Contains(o.Out, outJSON+"=-") || slices.Contains(o.Out, outCSV+"=-")
}

// streams are the outputs that get every sample.
type streams struct {
	all []*report.Stream
	log *slog.Logger
	// lost are outputs of other kinds that are incomplete.
	lost []report.Trouble
	// told are those whose trouble was logged.
	told map[*report.Stream]error
}

// openStreams opens the outputs that get every sample, whose paths take the place of that in to.
func openStreams(outs []string, to report.Target, thresholds []threshold.Threshold, log *slog.Logger) (*streams, error) {
	s := &streams{log: log, told: make(map[*report.Stream]error)}
	for _, out := range outs {
		var kind string
		kind, to.Path, _ = strings.Cut(out, "=")
		var stream *report.Stream
		var err error
		switch kind {
		case outJSON:
			stream, err = report.NewJSON(to, thresholds)
		case outCSV:
			stream, err = report.NewCSV(to)
		default:
			continue
		}
		if err != nil {
			s.close()
			return nil, err
		}
		s.all = append(s.all, stream)
	}
	return s, nil
}

// sink returns what the engine hands samples to, nil where nobody wants any.
func (s *streams) sink() func([]metrics.Sample) {
	if len(s.all) == 0 {
		return nil
	}
	return func(samples []metrics.Sample) {
		for _, stream := range s.all {
			stream.Add(samples)
		}
	}
}

// flush writes out what is buffered, and tells once of each stream that fails. The run goes on.
func (s *streams) flush() {
	for _, stream := range s.all {
		if err := stream.Flush(); err != nil && s.told[stream] == nil {
			s.told[stream] = err
			s.log.Error("an output can't be written any more, the run goes on without it", "output", stream.Path(), "error", err)
		}
	}
}

// troubles are the streams that have failed so far, in words.
func (s *streams) troubles() []string {
	var all []string
	for _, stream := range s.all {
		if err := s.told[stream]; err != nil {
			all = append(all, err.Error())
		}
	}
	return all
}

// close ends the streams and returns those that are incomplete.
func (s *streams) close() []report.Trouble {
	troubles := s.lost
	for _, stream := range s.all {
		if err := stream.Close(); err != nil {
			troubles = append(troubles, report.Trouble{Output: stream.Path(), Error: err.Error()})
		}
	}
	return troubles
}

// writeFiles writes the files that a finished run leaves. What can't be written is added to the result's
// troubles, which the verdict then takes in; it returns the errors.
func (o *outputFlags) writeFiles(r *report.Result, t report.Terminals, judge func()) []error {
	var errs []error
	write := func(path string, make func() ([]byte, error)) {
		if path == "" {
			return
		}
		data, err := make()
		if err == nil {
			err = report.WriteFile(path, data)
		}
		if err != nil {
			errs = append(errs, err)
			r.Outputs = append(r.Outputs, report.Trouble{Output: path, Error: err.Error()})
		}
	}
	judge()
	write(o.Summary, func() ([]byte, error) { return r.Summary(t) })
	write(o.SummaryExport, r.SummaryExport)
	write(o.JUnit, r.JUnit)
	if path := os.Getenv("GITHUB_STEP_SUMMARY"); path != "" && !o.noStepSummary {
		if err := appendTo(path, r.Markdown()); err != nil {
			errs = append(errs, err)
			r.Outputs = append(r.Outputs, report.Trouble{Output: path, Error: err.Error()})
		}
	}
	judge()
	if o.History != "" {
		if err := history.Add(o.History, history.Of(r), o.Keep); err != nil {
			errs = append(errs, err)
			r.Outputs = append(r.Outputs, report.Trouble{Output: o.History, Error: err.Error()})
			judge()
		}
	}
	if o.Result != "" { // last: it tells what became of the others
		if err := r.Write(o.Result); err != nil {
			errs = append(errs, err)
			r.Outputs = append(r.Outputs, report.Trouble{Output: o.Result, Error: err.Error()})
			judge()
		}
	}
	return errs
}

func appendTo(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the step summary: %w", err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the step summary: %w", err)
	}
	return nil
}
