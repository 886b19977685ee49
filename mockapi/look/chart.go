package look

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-analyze/charts/chartdraw"
)

// maxLines is how many lines a chart may have, each with a colour and a dash of its own.
const maxLines = 6

// XY is a point of a line: X as the chart's XAxis says, Y in its Unit. A Y of NaN, "nothing was measured", breaks
// the line.
type XY struct{ X, Y float64 }

// Line is one line of a chart.
type Line struct {
	Name   string
	Points []XY // by ascending X
}

// Mark is a line across the chart: a vertical one at X, for what happened then, such as a restart or the start of
// a gap; or a horizontal one at Y, for a limit, such as a threshold.
type Mark struct {
	Name string
	X    float64 // where Horizontal is false
	Y    float64 // where Horizontal is true
	// Horizontal makes the mark a limit. The y-axis is stretched so that it shows.
	Horizontal bool
}

// Chart is up to six lines over time, by percentile or by number. Its drawing depends on its fields alone, so
// that the same figures give the same bytes.
type Chart struct {
	// ID names the chart within its page, as letters, digits and hyphens; by default it is made of Title. Two
	// charts of one page must not share it.
	ID    string
	Title string
	Unit  Unit // of every Y
	XAxis XAxis
	Lines []Line
	Marks []Mark
	// From and To are the ends of the x-axis; where both are 0 it goes from the first point to the last.
	From, To float64
	// Log makes the y-axis logarithmic. Points that are not above zero break their line there.
	Log bool
	// Width and Height are the size of the drawing's own pixels, by default 400 by 200. The drawing fills what
	// room it is given, and its text shrinks or grows with it: a chart as wide as a page wants about 900.
	Width, Height int
}

// Figure returns a figure element with the title as its caption, a legend with the last figure of every line
// where there are two or more, and the drawing.
func (c Chart) Figure() (template.HTML, error) {
	drawing, err := c.SVG()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(`<figure class="chart"><figcaption>` + template.HTMLEscapeString(c.Title))
	if len(c.Lines) == 1 {
		b.WriteString(` <span class="last">` + c.Unit.Format(last(c.Lines[0].Points)) + `</span>`)
	}
	b.WriteString("</figcaption>")
	if len(c.Lines) > 1 {
		// The drawing says all this to those who can't see it.
		b.WriteString(`<ul class="legend" aria-hidden="true">`)
		for i, l := range c.Lines {
			fmt.Fprintf(&b, `<li><svg viewBox="0 0 28 8"><path class="line line-%d" d="M 1 4 L 27 4"/></svg> %s <span class="last">%s</span></li>`,
				i+1, template.HTMLEscapeString(l.Name), c.Unit.Format(last(l.Points)))
		}
		b.WriteString("</ul>")
	}
	b.WriteString(string(drawing))
	b.WriteString("</figure>")
	return template.HTML(b.String()), nil
}

// SVG returns the drawing alone, for a page that has the stylesheet. It is an image to assistive technology: its
// name is the title, its description tells for every line the last figure, the least and the greatest.
func (c Chart) SVG() (template.HTML, error) {
	if len(c.Lines) > maxLines {
		return "", fmt.Errorf("draw chart %q: %d lines, there may be %d", c.Title, len(c.Lines), maxLines)
	}
	if c.Width == 0 {
		c.Width = 400
	}
	if c.Height == 0 {
		c.Height = 200
	}
	x, y := c.axes()
	top := 8 * subpixels
	if slices.ContainsFunc(c.Marks, func(m Mark) bool { return !m.Horizontal }) {
		top += fontSize // their names are above the lines
	}
	drawing := chartdraw.Chart{
		Width: c.Width * subpixels, Height: c.Height * subpixels,
		DPI:        72, // a point is a pixel
		Background: chartdraw.Style{ClassName: "back", Padding: chartdraw.NewBox(top, 2*subpixels, 4*subpixels, 2*subpixels)},
		Canvas:     chartdraw.Style{ClassName: "back"},
		// The library's own grid lines know no classes.
		XAxis: chartdraw.XAxis{Style: axisStyle(), Range: x, GridMajorStyle: chartdraw.Hidden(), GridMinorStyle: chartdraw.Hidden()},
		// The library has its primary axis on the right, where it is hidden; it still wants a range.
		YAxis: chartdraw.YAxis{Style: chartdraw.Hidden(), Range: &chartdraw.ContinuousRange{Max: 1}},
		YAxisSecondary: chartdraw.YAxis{
			Style: axisStyle(), Range: y, GridMajorStyle: chartdraw.Hidden(), GridMinorStyle: chartdraw.Hidden(),
			Zero: chartdraw.GridLine{Style: chartdraw.Hidden()},
		},
		Series: []chartdraw.Series{grid{x: x, y: y}},
	}
	for i, l := range c.Lines {
		drawing.Series = append(drawing.Series, line{points: l.Points, class: "line line-" + strconv.Itoa(i+1), x: x, y: y})
	}
	if !c.measured() {
		drawing.Series = append(drawing.Series, absence{})
	}
	drawing.Series = append(drawing.Series, marks{marks: c.Marks, x: x, y: y})

	var b bytes.Buffer
	if err := drawing.Render(newCanvas, &b); err != nil {
		return "", fmt.Errorf("draw chart %q: %w", c.Title, err)
	}
	// The library's opening tag gives way to one with a role, a name and a description.
	_, inner, found := strings.Cut(b.String(), ">")
	if !found {
		return "", errors.New("draw chart: the library made no SVG")
	}
	id := c.ID
	if id == "" {
		id = identifier(c.Title)
	}
	return template.HTML(fmt.Sprintf(`<svg role="img" viewBox="0 0 %d %d" aria-labelledby="%s-title" aria-describedby="%s-desc"><title id="%s-title">%s</title><desc id="%s-desc">%s</desc>%s`,
		c.Width*subpixels, c.Height*subpixels, id, id, id, template.HTMLEscapeString(c.Title), id, template.HTMLEscapeString(c.words()), inner)), nil
}

// axes returns what the drawing covers.
func (c Chart) axes() (x, y *axis) {
	left, right, bottom, top := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	include := func(v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) && (!c.Log || v > 0) {
			bottom, top = min(bottom, v), max(top, v)
		}
	}
	for _, l := range c.Lines {
		for _, p := range l.Points {
			left, right = min(left, p.X), max(right, p.X)
			include(p.Y)
		}
	}
	for _, m := range c.Marks {
		if m.Horizontal {
			include(m.Y)
		}
	}
	if c.From != 0 || c.To != 0 {
		left, right = c.From, c.To
	}
	if left > right {
		left, right = 0, 1
	}
	if bottom > top {
		bottom, top = 0, 1
		if c.Log {
			bottom = 0.1
		}
	}
	x = xAxisOf(c.XAxis, left, right, max(2, c.Width/80))
	if c.Log {
		return x, logAxis(c.Unit, bottom, top)
	}
	return x, yAxis(c.Unit, bottom, top, max(2, c.Height/40))
}

// measured tells whether there is any figure.
func (c Chart) measured() bool {
	return slices.ContainsFunc(c.Lines, func(l Line) bool {
		return slices.ContainsFunc(l.Points, func(p XY) bool { return !math.IsNaN(p.Y) })
	})
}

// words tells the chart's figures.
func (c Chart) words() string {
	var parts []string
	for _, l := range c.Lines {
		least, greatest, n := math.Inf(1), math.Inf(-1), 0
		for _, p := range l.Points {
			if !math.IsNaN(p.Y) {
				least, greatest, n = min(least, p.Y), max(greatest, p.Y), n+1
			}
		}
		if n == 0 {
			parts = append(parts, l.Name+": nothing was measured.")
			continue
		}
		parts = append(parts, fmt.Sprintf("%s: %s at the end, from %s to %s.", l.Name, c.Unit.Format(last(l.Points)), c.Unit.Format(least), c.Unit.Format(greatest)))
	}
	for _, m := range c.Marks {
		if m.Horizontal {
			parts = append(parts, fmt.Sprintf("Limit: %s, %s.", m.Name, c.Unit.Format(m.Y)))
		} else {
			parts = append(parts, fmt.Sprintf("Mark: %s.", m.Name))
		}
	}
	if len(parts) == 0 {
		return "Nothing was measured."
	}
	return strings.Join(parts, " ")
}

// last returns the Y of the last point, NaN where there is none.
func last(points []XY) float64 {
	if len(points) == 0 {
		return math.NaN()
	}
	return points[len(points)-1].Y
}

// identifier makes an id of a title.
func identifier(title string) string {
	return "chart-" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		default:
			return '-'
		}
	}, title)
}
