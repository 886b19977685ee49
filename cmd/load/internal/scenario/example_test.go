package scenario_test

import (
	"context"
	"fmt"
	"log"

	"github.com/medianest/testbed/cmd/load/internal/scenario"
)

// A test of one's own, a tenth of it in a sixtieth of the time.
func Example() {
	o, err := scenario.Parse("mine.yaml", []byte(`
suite: core
scenarios:
  evening: {executor: ramping-vus, startVUs: 0, stages: [{duration: 10m, target: 500}, {duration: 1h, target: 500}]}
thresholds:
  http_req_duration: ["p(95)<1000", "p(95)<2000 over 1m"]
  http_reqs: ["rate>200"]
`))
	if err != nil {
		log.Fatal(err)
	}
	if o, err = o.WithVUs(50); err != nil {
		log.Fatal(err)
	}
	if o, err = o.TimeScaled(1.0 / 60); err != nil {
		log.Fatal(err)
	}
	fmt.Println(o.Scenarios[0].Describe())
	for _, t := range o.Thresholds {
		fmt.Println(t.Selector, t.Source)
	}
	for _, change := range o.Scaled {
		fmt.Println("scaled:", change)
	}
	// Output:
	// Up to 50 looping VUs for 1m10s over 2 stages (gracefulRampDown: 30s, gracefulStop: 30s)
	// http_req_duration p(95)<1000
	// http_req_duration p(95)<2000 over 1s
	// http_reqs rate>20
	// scaled: at most 50 users instead of 500
	// scaled: time x 0.01667
}

// A target that stumbles beyond 440 iterations a second.
func ExampleSearch_Knee() {
	s := scenario.Search{Start: 100, Max: 2000, Growth: 2, Precision: 0.1, Confirm: 2, Hold: 60e9, MaxDuration: 3600e9}
	k, err := s.Knee(context.Background(), func(_ context.Context, rate int) (scenario.Outcome, string, error) {
		if rate > 440 {
			return scenario.Fails, "http_req_duration p(95)<1000", nil
		}
		return scenario.Holds, "", nil
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range k.Steps {
		fmt.Printf("%d %s; ", step.Rate, step.Outcome)
	}
	fmt.Println(k)
	// Output:
	// 100 holds; 200 holds; 400 holds; 800 fails; 800 fails; 600 fails; 600 fails; 500 fails; 500 fails; 450 fails; 450 fails; 425 holds; 425 holds; 425/s meets the thresholds, 450/s does not (13 steps)
}
