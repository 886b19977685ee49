package look

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-analyze/charts/chartdraw"
	"github.com/go-analyze/charts/chartdraw/drawing"
)

// subpixels is how many units of the drawing make a pixel: the library knows whole units only, in which a line
// that rises slowly would be a staircase.
const subpixels = 2

// fontSize is that of the axes in the drawing's units, as look.css sets it.
const fontSize = 13 * subpixels

// together is up to how far from each other marks look like one, in the drawing's units.
const together = 4 * subpixels

// dotted is up to how many points of a line are marked by dots.
const dotted = 24

// canvas is the library's SVG, which measures text without a font: the browser's is not known here, and to load one
// would cost more than all the drawing.
type canvas struct{ chartdraw.Renderer }

func newCanvas(width, height int) chartdraw.Renderer { return canvas{chartdraw.SVG(width, height)} }

// MeasureText returns what a text takes at fontSize in a wide sans-serif, about.
func (canvas) MeasureText(text string) chartdraw.Box {
	em := 0.
	for _, r := range text {
		switch {
		case strings.ContainsRune("mwMW%", r):
			em += .9
		case strings.ContainsRune(" .,:il|/", r):
			em += .32
		case unicode.IsUpper(r):
			em += .68
		default:
			em += .6
		}
	}
	return chartdraw.Box{Right: int(math.Ceil(em * fontSize)), Bottom: fontSize, IsSet: true}
}

// ink makes the library draw a stroke; its class says what the stroke looks like.
var ink = drawing.ColorBlack

func axisStyle() chartdraw.Style {
	return chartdraw.Style{ClassName: "axis", FontStyle: chartdraw.FontStyle{FontSize: fontSize, FontColor: ink}, StrokeColor: ink, StrokeWidth: 1}
}

func stroke(r chartdraw.Renderer, class string) {
	r.ResetStyle()
	r.SetClassName(class)
	r.SetStrokeColor(ink)
}

func text(r chartdraw.Renderer, defaults chartdraw.Style, class string) {
	r.ResetStyle()
	r.SetClassName(class)
	r.SetFont(defaults.Font)
	r.SetFontSize(fontSize)
	r.SetFontColor(ink)
}

// layer is what the library asks of everything that is drawn above the axes. All of it belongs to the axis on the left.
type layer struct{}

func (layer) GetName() string               { return "" }
func (layer) GetYAxis() chartdraw.YAxisType { return chartdraw.YAxisSecondary }
func (layer) GetStyle() chartdraw.Style     { return chartdraw.Style{} }
func (layer) Validate() error               { return nil }

// grid are the horizontal lines at the ticks of the y-axis.
type grid struct {
	layer
	x, y *axis
}

func (g grid) Render(r chartdraw.Renderer, box chartdraw.Box, _, _ chartdraw.Range, _ chartdraw.Style) {
	stroke(r, "grid")
	for _, t := range g.y.ticks[1:] {
		y := box.Bottom - g.y.Translate(t.Value)
		r.MoveTo(box.Left, y)
		r.LineTo(box.Right, y)
	}
	r.Stroke()
}

// absence says in the middle that there is nothing to show.
type absence struct{ layer }

func (absence) Render(r chartdraw.Renderer, box chartdraw.Box, _, _ chartdraw.Range, defaults chartdraw.Style) {
	const words = "nothing measured"
	text(r, defaults, "axis")
	r.Text(words, box.Left+(box.Width()-r.MeasureText(words).Width())/2, box.Top+box.Height()*2/5)
}

// line is a line of the chart.
type line struct {
	layer
	points []XY
	class  string
	x, y   *axis
}

// Render draws one path. Where several points share a column of the drawing, as in a run of days, it goes through
// the first, the least, the greatest and the last of them, so that its size is bounded and no peak is lost.
func (l line) Render(r chartdraw.Renderer, box chartdraw.Box, _, _ chartdraw.Range, _ chartdraw.Style) {
	stroke(r, l.class)
	pen := column{r: r}
	for _, p := range l.points {
		x, onX := l.x.at(p.X)
		y, onY := l.y.at(p.Y)
		if !onX || !onY {
			pen.lift()
			continue
		}
		pen.to(box.Left+x, box.Bottom-y)
		if len(l.points) <= dotted {
			r.Circle(2.5*subpixels, box.Left+x, box.Bottom-y)
		}
	}
	pen.lift()
	if pen.drawn {
		r.Stroke()
	}
}

// column gathers the points of a line that share an x.
type column struct {
	r                         chartdraw.Renderer
	drawn, down               bool // there is a path, and what comes next belongs to it
	any                       bool // there are points in this column
	x, first, least, most, at int
}

func (c *column) to(x, y int) {
	if c.any && x == c.x {
		c.least, c.most, c.at = min(c.least, y), max(c.most, y), y
		return
	}
	c.flush()
	c.any, c.x, c.first, c.least, c.most, c.at = true, x, y, y, y, y
}

func (c *column) flush() {
	if !c.any {
		return
	}
	if !c.down {
		c.r.MoveTo(c.x, c.first)
		c.down, c.drawn = true, true
	}
	previous := math.MinInt
	for _, y := range [...]int{c.first, c.least, c.most, c.at} {
		if y != previous { // a lone point is drawn to itself, which round ends make a dot
			c.r.LineTo(c.x, y)
			previous = y
		}
	}
	c.any = false
}

// lift ends the path: what comes next is not connected.
func (c *column) lift() {
	c.flush()
	c.down = false
}

// marks are the lines across the chart, above all else.
type marks struct {
	layer
	marks []Mark
	x, y  *axis
}

func (m marks) Render(r chartdraw.Renderer, box chartdraw.Box, _, _ chartdraw.Range, defaults chartdraw.Style) {
	free := math.MinInt // where the next name may begin
	for i, mark := range m.marks {
		if mark.Horizontal {
			if y, ok := m.y.at(mark.Y); ok {
				stroke(r, "limit")
				r.MoveTo(box.Left, box.Bottom-y)
				r.LineTo(box.Right, box.Bottom-y)
				r.Stroke()
				m.name(r, defaults, mark.Name, box, box.Left, max(box.Bottom-y-2*subpixels, box.Top+fontSize), "limit")
			}
			continue
		}
		x, ok := m.x.at(mark.X)
		if !ok {
			continue
		}
		x += box.Left
		stroke(r, "mark")
		r.MoveTo(x, box.Top)
		r.LineTo(x, box.Bottom)
		r.Stroke()
		// Of marks whose names would overlap the first is named; all of them are in the description.
		if x >= free {
			free = max(m.name(r, defaults, m.names(i), box, x, box.Top-3*subpixels, "mark"), x+together+1)
		}
	}
}

// names returns the name of a mark, and those of the next ones that look the same, so that none is blamed for another.
func (m marks) names(first int) string {
	var names []string
	at, _ := m.x.at(m.marks[first].X)
	for _, mark := range m.marks[first:] {
		if mark.Horizontal {
			continue
		}
		if x, ok := m.x.at(mark.X); !ok || x-at > together || at-x > together {
			break
		}
		if !slices.Contains(names, mark.Name) {
			names = append(names, mark.Name)
		}
	}
	if more := len(names) - 2; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:2], ", "), more)
	}
	return strings.Join(names, ", ")
}

// name writes a mark's name to the right of x, or to its left where there is no room, and returns where it ends.
func (marks) name(r chartdraw.Renderer, defaults chartdraw.Style, name string, box chartdraw.Box, x, y int, class string) int {
	text(r, defaults, class)
	width := r.MeasureText(name).Width()
	x += 3 * subpixels
	if x+width > box.Right {
		x = max(box.Left, x-width-6*subpixels)
	}
	r.Text(name, x, y)
	return x + width
}

// Bar returns a short bar that is filled by share, for a table's cell beside the figure: it says nothing to assistive
// technology. What is below 0 or above 1 counts as that.
func Bar(share float64) template.HTML {
	if !(share > 0) {
		share = 0
	}
	width := strconv.FormatFloat(min(share, 1)*100, 'f', 1, 64)
	return template.HTML(fmt.Sprintf(`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width="%s" height="10"/></svg>`, width))
}
