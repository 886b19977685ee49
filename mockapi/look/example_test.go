package look_test

import (
	"fmt"
	"math"
	"regexp"

	"github.com/medianest/testbed/mockapi/look"
)

// A chart of two lines, of which one has a gap, with a restart and a threshold marked.
func ExampleChart() {
	figure, err := look.Chart{
		Title: "Latency over time",
		Unit:  look.Milliseconds,
		XAxis: look.Elapsed,
		Lines: []look.Line{
			{Name: "p50", Points: []look.XY{{X: 0, Y: 21}, {X: 1, Y: 20}, {X: 2, Y: 22}, {X: 3, Y: 25}}},
			{Name: "p95", Points: []look.XY{{X: 0, Y: 80}, {X: 1, Y: 96}, {X: 2, Y: math.NaN()}, {X: 3, Y: 91.5}}},
		},
		Marks: []look.Mark{
			{Name: "restart", X: 2},
			{Name: "p(95)<100", Y: 100, Horizontal: true},
		},
	}.Figure()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(regexp.MustCompile(`(?s)<desc.*</desc>`).FindString(string(figure)))
	// Output:
	// <desc id="chart-latency-over-time-desc">p50: 25 ms at the end, from 20 ms to 25 ms. p95: 91.5 ms at the end, from 80 ms to 96 ms. Mark: restart. Limit: p(95)&lt;100, 100 ms.</desc>
}

func ExampleUnit_Format() {
	fmt.Println(look.Milliseconds.Format(1250), look.Bytes.Format(3<<20), look.PerSecond.Format(5200), look.Ratio.Format(.0123))
	// Output: 1.25 s 3 MiB 5,200/s 1.23 %
}
