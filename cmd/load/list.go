package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/suite"
)

// listCmd is load list.
type listCmd struct{}

// listedTest is a named test in the JSON of load list.
type listedTest struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Suites      []string `json:"suites"`
	Scenarios   []string `json:"scenarios"`
	// Seconds is how long it takes, 0 where that is open.
	Seconds float64 `json:"seconds"`
}

// Run prints the lists.
func (listCmd) Run(a *app) error {
	var tests []listedTest
	for _, name := range scenario.Names() {
		o, err := scenario.Named(name)
		if err != nil {
			return err
		}
		t := listedTest{Name: name, Description: o.Description, Suites: o.Suites(), Seconds: o.Length().Seconds()}
		for _, s := range o.Scenarios {
			t.Scenarios = append(t.Scenarios, s.Common().Name)
		}
		tests = append(tests, t)
	}
	targets := slices.Sorted(maps.Keys(scenario.Targets()))
	if a.JSON {
		return a.printJSON(struct {
			Tests     []listedTest `json:"tests"`
			Suites    []string     `json:"suites"`
			Targets   []string     `json:"targets"`
			Executors []string     `json:"executors"`
		}{tests, suite.Names(), targets, executor.Types()})
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "TEST\tTAKES\tSCENARIOS\t\n")
	for _, t := range tests {
		takes := "open"
		if t.Seconds > 0 {
			takes = executor.Duration(t.Seconds * float64(time.Second)).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Name, takes, strings.Join(t.Scenarios, ","), t.Description)
	}
	fmt.Fprintf(w, "\nSuites: %s\nTargets: %s\n", strings.Join(suite.Names(), ", "), strings.Join(targets, ", "))
	return w.Flush()
}
