package look_test

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi/look"
)

// wave returns n points, a second apart.
func wave(n int, phase float64) []look.XY {
	points := make([]look.XY, n)
	for i := range points {
		points[i] = look.XY{X: float64(i), Y: 100 + 40*math.Sin(float64(i)/20+phase)}
	}
	return points
}

func latency(points int) look.Chart {
	return look.Chart{
		Title: "Latency", Unit: look.Milliseconds,
		Lines: []look.Line{{"p50", wave(points, 0)}, {"p95", wave(points, 1)}, {"p99", wave(points, 2)}},
		Marks: []look.Mark{{Name: "restart", X: 20}, {Name: "p(95)<200", Y: 200, Horizontal: true}},
	}
}

func draw(t *testing.T, c look.Chart) string {
	t.Helper()
	svg, err := c.SVG()
	if err != nil {
		t.Fatal(err)
	}
	// Any fault in the markup would break the page around it.
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the drawing is not XML: %v\n%s", err, svg)
		}
	}
	return string(svg)
}

// path returns the path of a line, number 1 being the first.
func path(t *testing.T, svg, number string) string {
	t.Helper()
	m := regexp.MustCompile(`<path d="([^"]*)" class="line line-` + number + ` stroke"/>`).FindStringSubmatch(svg)
	if m == nil {
		t.Fatalf("line %s is not drawn in %s", number, svg)
	}
	return m[1]
}

func TestChartSaysWhatItShows(t *testing.T) {
	svg := draw(t, latency(300))
	for _, want := range []string{
		`role="img"`, `<title id="chart-latency-title">Latency</title>`, `aria-labelledby="chart-latency-title"`, `aria-describedby="chart-latency-desc"`,
		"p95: 90.4 ms at the end, from 60 ms to 140 ms.", "Mark: restart.", "Limit: p(95)&lt;200, 200 ms.", // in the description
		">200 ms</text>", ">0 ms</text>", ">2m</text>", ">4m</text>", ">restart</text>", // in the drawing
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("the drawing lacks %s", want)
		}
	}
	for _, refused := range []string{"style=", "<style", "NaN", "href"} {
		if strings.Contains(svg, refused) {
			t.Errorf("the drawing holds %s", refused)
		}
	}
	if again := draw(t, latency(300)); again != svg {
		t.Error("the same figures gave another drawing")
	}
}

func TestNamesAreText(t *testing.T) {
	c := look.Chart{
		Title: `<script>"`, Lines: []look.Line{{"<b>", wave(2, 0)}, {"</svg>&", wave(2, 0)}},
		Marks: []look.Mark{{Name: "<i>", X: 1}},
	}
	draw(t, c)
	figure, err := c.Figure()
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`<(script|b>|i>)`).FindString(string(figure)); m != "" {
		t.Errorf("a name got into the figure as it is: %s", m)
	}
}

// Marks that look like one are named together; the next one has room for its own name.
func TestMarksThatLookLikeOne(t *testing.T) {
	mark := func(name string, x float64) look.Mark { return look.Mark{Name: name, X: x} }
	svg := draw(t, look.Chart{Title: "x", Lines: []look.Line{{"a", wave(300, 0)}}, Marks: []look.Mark{
		mark("errors", 20), mark("errors", 20), mark("slow-db", 20.5), mark("overload", 150), mark("a", 150), mark("b", 150), mark("late", 290), mark("later", 291),
	}})
	for _, want := range []string{">errors, slow-db</text>", ">overload, a and 1 more</text>", ">late, later</text>", "Mark: b."} {
		if !strings.Contains(svg, want) {
			t.Errorf("the drawing does not say %s", want)
		}
	}
	if strings.Contains(svg, ">later</text>") {
		t.Error("a mark whose name is to the left, with that of its neighbour, is named once more to the right")
	}
}

func TestGapsBreakTheLine(t *testing.T) {
	points := wave(300, 0)
	c := look.Chart{Title: "x", Lines: []look.Line{{"a", points}}}
	if n := strings.Count(path(t, draw(t, c), "1"), "M"); n != 1 {
		t.Errorf("a line without gaps has %d parts", n)
	}
	for i := 100; i < 120; i++ {
		points[i].Y = math.NaN()
	}
	points[110].Y = 100 // alone between two gaps
	points[299].Y = math.NaN()
	svg := draw(t, c)
	if n := strings.Count(path(t, svg, "1"), "M"); n != 3 {
		t.Errorf("a line with two gaps has %d parts", n)
	}
	if !strings.Contains(svg, "a: – at the end, from 60 to 140.") {
		t.Error("the description does not tell that the end is missing")
	}
	c.Log = true
	points[50].Y = 0
	if n := strings.Count(path(t, draw(t, c), "1"), "M"); n != 4 {
		t.Errorf("zero has no place on a logarithmic axis, and the line has %d parts", n)
	}
}

// A line of three days is as large as one of an hour, and its one peak still reaches the top.
func TestManyPointsKeepTheirPeak(t *testing.T) {
	hour, days := wave(3600, 0), wave(3*86400, 0)
	days[100_000].Y = 1000
	small, large := path(t, draw(t, look.Chart{Lines: []look.Line{{"a", hour}}}), "1"), path(t, draw(t, look.Chart{Lines: []look.Line{{"a", days}}}), "1")
	if len(large) > 2*len(small) {
		t.Errorf("72 times the points made %d bytes of %d", len(large), len(small))
	}
	few := path(t, draw(t, look.Chart{Lines: []look.Line{{"a", []look.XY{{0, 0}, {1, 1000}}}}}), "1")
	if highest(t, large) != highest(t, few) {
		t.Errorf("the peak is at %d, where it should be at %d", highest(t, large), highest(t, few))
	}
}

// highest returns the least y of a path.
func highest(t *testing.T, path string) int {
	t.Helper()
	least := math.MaxInt
	for _, m := range regexp.MustCompile(`[ML] \d+ (\d+)`).FindAllStringSubmatch(path, -1) {
		y, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		least = min(least, y)
	}
	return least
}

func TestNothingMeasured(t *testing.T) {
	for _, c := range []look.Chart{
		{Title: "no lines"},
		{Title: "no points", Lines: []look.Line{{Name: "a"}}},
		{Title: "one gap", Lines: []look.Line{{"a", []look.XY{{1, math.NaN()}}}}},
		{Title: "log", Log: true, Lines: []look.Line{{"a", []look.XY{{1, 0}}}}},
	} {
		svg := draw(t, c)
		if c.Log == strings.Contains(svg, "nothing measured") {
			t.Errorf("%s: %s", c.Title, svg)
		}
	}
	draw(t, look.Chart{Title: "one point", XAxis: look.Clock, Lines: []look.Line{{"a", []look.XY{{1.8e9, 5}}}}})
	draw(t, look.Chart{Title: "below zero", Lines: []look.Line{{"a", []look.XY{{1, -5}, {2, 5}}}}})
}

func TestTooManyLines(t *testing.T) {
	if _, err := (look.Chart{Title: "x", Lines: make([]look.Line, 7)}).SVG(); err == nil || !strings.Contains(err.Error(), `"x": 7 lines`) {
		t.Errorf("seven lines gave the error %v", err)
	}
}

// Ticks are round figures that the axis' unit makes easy to read.
func TestTicks(t *testing.T) {
	line := func(x0, y0, x1, y1 float64) []look.Line { return []look.Line{{"a", []look.XY{{x0, y0}, {x1, y1}}}} }
	tests := []struct {
		chart look.Chart
		want  []string
	}{
		{look.Chart{Unit: look.Bytes, Lines: line(0, 0, 60, 3e9)}, []string{"0 GiB", "1 GiB", "2 GiB", "3 GiB"}},
		{look.Chart{Unit: look.Seconds, Lines: line(0, .001, 60, .0034)}, []string{"0 ms", "1 ms", "2 ms", "3 ms", "4 ms", "0", "15s", "30s", "45s", "1m"}},
		{look.Chart{Unit: look.PerSecond, Lines: line(0, 0, 90000, 18000)}, []string{"5,000/s", "10,000/s", "15,000/s", "20,000/s", "6h", "12h", "1d"}},
		{look.Chart{Unit: look.Count, Lines: line(0, 0, 10, 1)}, []string{"0", "1", "2s", "10s"}},
		{look.Chart{Unit: look.Ratio, Lines: line(0, 0, 259200, .03)}, []string{"0 %", "1 %", "2 %", "3 %", "1d", "3d"}},
		{look.Chart{Unit: look.Milliseconds, Log: true, Lines: line(0, 2, 60, 3000)}, []string{"1 ms", "10 ms", "100 ms", "1 s", "10 s"}},
		{look.Chart{Unit: look.Milliseconds, Log: true, Lines: line(0, 20, 60, 80)}, []string{"10 ms", "20 ms", "50 ms", "100 ms"}},
		{look.Chart{XAxis: look.Percentile, Lines: line(0, 1, 99.99, 9)}, []string{"0", "50", "75", "90", "99", "99.9", "99.99"}},
		{look.Chart{XAxis: look.Number, Lines: line(1, 1, 4, 9)}, []string{"1", "2", "3", "4"}},
		{look.Chart{XAxis: look.Clock, Lines: line(1_800_000_000, 1, 1_800_000_300, 9)}, []string{"08:00", "08:01", "08:05"}},
		{look.Chart{XAxis: look.Clock, Lines: line(1_800_000_000, 1, 1_800_600_000, 9)}, []string{"16 Jan", "20 Jan"}},
	}
	for _, test := range tests {
		svg := draw(t, test.chart)
		for _, want := range test.want {
			if !strings.Contains(svg, ">"+want+"</text>") {
				t.Errorf("%v of %v: no tick %q among %v", test.chart.XAxis, test.chart.Lines, want, regexp.MustCompile(`>[^<]+</text>`).FindAllString(svg, -1))
			}
		}
	}
}

func TestUnits(t *testing.T) {
	tests := []struct {
		unit  look.Unit
		value float64
		want  string
	}{
		{look.Count, 1234567, "1,234,567"}, {look.Count, 0, "0"}, {look.Count, -1500, "−1,500"}, {look.Count, 2.5, "2.5"},
		{look.Milliseconds, .35, "350 µs"}, {look.Milliseconds, 0, "0 ms"}, {look.Milliseconds, 12.34, "12.3 ms"}, {look.Milliseconds, 999, "999 ms"},
		{look.Milliseconds, 1250, "1.25 s"}, {look.Milliseconds, 200_000, "3m20s"}, {look.Seconds, .0123, "12.3 ms"}, {look.Seconds, 3600, "1h0m0s"},
		{look.Bytes, 512, "512 B"}, {look.Bytes, 1536, "1.5 KiB"}, {look.Bytes, 2.25 * (1 << 30), "2.25 GiB"}, {look.Bytes, 1 << 62, "4,096 PiB"},
		{look.PerSecond, 5200, "5,200/s"}, {look.PerSecond, 1.25, "1.25/s"}, {look.Percent, 2.5, "2.5 %"}, {look.Ratio, .025, "2.5 %"}, {look.Ratio, 1, "100 %"},
		{look.Count, math.NaN(), look.None}, {look.Bytes, math.Inf(1), "+∞"}, {look.Count, 1e-20, "1.00e-20"},
	}
	for _, test := range tests {
		if got := test.unit.Format(test.value); got != test.want {
			t.Errorf("%v of unit %d is written %q, want %q", test.value, test.unit, got, test.want)
		}
	}
}

func TestBar(t *testing.T) {
	for share, want := range map[float64]string{.4: `width="40.0"`, -1: `width="0.0"`, 7: `width="100.0"`, math.NaN(): `width="0.0"`} {
		if bar := string(look.Bar(share)); !strings.Contains(bar, want) {
			t.Errorf("the bar of %v is %s", share, bar)
		}
	}
}

func BenchmarkChart(b *testing.B) {
	c := latency(300)
	b.ReportAllocs()
	for b.Loop() {
		figure, err := c.Figure()
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(figure)))
	}
}
