package main

import (
	"io"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/medianest/testbed/seed"
)

// bars draws one bar for the rows and one for each kind of step after them.
type bars struct {
	container *mpb.Progress
	rows      *mpb.Bar
	steps     map[string]*mpb.Bar
	// last is read by the goroutine that draws.
	last atomic.Pointer[seed.Progress]
}

func newBars(w io.Writer, options ...mpb.ContainerOption) *bars {
	options = append([]mpb.ContainerOption{mpb.WithOutput(w), mpb.WithWidth(40)}, options...)
	b := &bars{container: mpb.New(options...), steps: map[string]*mpb.Bar{}}
	b.last.Store(&seed.Progress{})
	return b
}

func (b *bars) update(p seed.Progress) {
	b.last.Store(&p)
	if b.rows == nil && p.Total > 0 {
		b.rows = b.add("rows", p.Total, func(p *seed.Progress) string {
			if p.Phase != seed.PhaseLoad || p.RowsPerSecond <= 0 {
				return count(p.Rows)
			}
			return count(p.Rows) + ", " + count(int64(p.RowsPerSecond)) + " rows/s, " + timeLeft(*p).String() + " left"
		})
	}
	if b.rows != nil {
		b.rows.SetCurrent(p.Rows)
	}
	if p.Phase != seed.PhaseBuild && p.Phase != seed.PhaseRestore && p.Phase != seed.PhaseDone {
		return
	}
	for _, s := range p.Steps {
		if s.Total == 0 {
			continue
		}
		bar := b.steps[s.Kind]
		if bar == nil {
			kind := s.Kind
			bar = b.add(stepName(kind), int64(s.Total), func(p *seed.Progress) string {
				for _, s := range p.Steps {
					if s.Kind == kind {
						return count(int64(s.Done)) + " of " + count(int64(s.Total))
					}
				}
				return ""
			})
			b.steps[s.Kind] = bar
		}
		bar.SetCurrent(int64(s.Done))
	}
}

func (b *bars) add(name string, total int64, figures func(*seed.Progress) string) *mpb.Bar {
	return b.container.AddBar(total,
		mpb.PrependDecorators(decor.Name(name, decor.WC{W: 13, C: decor.DindentRight})),
		mpb.AppendDecorators(
			decor.Percentage(decor.WC{W: 5}),
			decor.Any(func(decor.Statistics) string { return "  " + figures(b.last.Load()) }),
		))
}

func (b *bars) close() {
	// Bars that a failure has left short would keep Wait waiting.
	if b.rows != nil {
		b.rows.Abort(false)
	}
	for _, bar := range b.steps {
		bar.Abort(false)
	}
	b.container.Wait()
}
