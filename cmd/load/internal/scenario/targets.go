package scenario

import (
	"fmt"
	"maps"
	"slices"

	"github.com/medianest/testbed/cmd/load/internal/suite"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// The performance targets of the MediaNest performance-testing document, as sets of thresholds. They differ in
// the throughput that they ask for: what must be reached, what should be, and the most that is wanted, for
// which the document's 10,000 users must be there too.
const (
	TargetsMinimum = "medianest"
	TargetsGoal    = "medianest-target"
	TargetsMaximum = "medianest-maximum"
)

// Targets returns the sets of thresholds that have a name: by metric, the conditions.
func Targets() map[string]map[string][]string {
	all := map[string]map[string][]string{}
	for name, rate := range map[string]int{TargetsMinimum: 1000, TargetsGoal: 2000, TargetsMaximum: 5000} {
		all[name] = map[string][]string{
			"http_req_duration": {"p(50)<=300", "p(95)<=1000", "p(99)<=2000"}, // ms
			"http_req_failed":   {"rate<=0.001"},                              // 99.9 % availability
			"http_reqs":         {fmt.Sprintf("rate>=%d", rate)},              // requests a second
		}
	}
	all[TargetsMaximum]["vus_max"] = []string{"value>=10000"}
	return all
}

// WithTargets returns the test with the thresholds of named sets added.
func (o *Options) WithTargets(sets ...string) (*Options, error) {
	c := o.clone()
	if err := c.addTargets(sets); err != nil {
		return nil, err
	}
	return c, nil
}

func (o *Options) addTargets(sets []string) error {
	known := Targets()
	for _, set := range sets {
		thresholds, ok := known[set]
		if !ok {
			return fmt.Errorf("there is no set of targets %q%s", set, didYouMean(set, slices.Sorted(maps.Keys(known))))
		}
		if slices.Contains(o.Targets, set) {
			continue
		}
		o.Targets = append(o.Targets, set)
		for _, metric := range slices.Sorted(maps.Keys(thresholds)) {
			for _, source := range thresholds[metric] {
				if err := o.addThreshold(metric, source); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// addThreshold adds a condition that is not there yet.
func (o *Options) addThreshold(selector, source string) error {
	t, err := threshold.Parse(selector, source)
	if err != nil {
		return err
	}
	same := func(x threshold.Threshold) bool {
		return x.Selector.String() == t.Selector.String() && x.Source == t.Source
	}
	if !slices.ContainsFunc(o.Thresholds, same) {
		o.Thresholds = append(o.Thresholds, t)
	}
	return nil
}

// Verifying returns the test with a share of its answers verified, 0 to 1. A single wrong one crosses a
// threshold.
func (o *Options) Verifying(share float64) (*Options, error) {
	if share < 0 || share > 1 {
		return nil, fmt.Errorf("the share of answers to verify is %v, it should be from 0 to 1", share)
	}
	c := o.clone()
	c.VerifyData = share
	c.requireVerified()
	return c, nil
}

// requireVerified keeps the threshold on verified answers in step with VerifyData.
func (o *Options) requireVerified() {
	o.Thresholds = slices.DeleteFunc(o.Thresholds, func(t threshold.Threshold) bool {
		return o.VerifyData == 0 && t.Selector.Metric == suite.DataVerified
	})
	if o.VerifyData > 0 {
		if err := o.addThreshold(suite.DataVerified, "rate==1"); err != nil {
			panic(err) // a constant
		}
	}
}
