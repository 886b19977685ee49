package report

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitFailure `xml:"failure"`
	Skipped *junitSkipped `xml:"skipped"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
}

// JUnit is the result as JUnit XML: a test case for the run as a whole, for every threshold, for every trend where
// they are judged, and for every check, which fails where the check did once. A threshold that has no data and needs
// none is skipped.
func (r *Result) JUnit() ([]byte, error) {
	doc := junitSuites{Name: "load " + r.Test.Name, Time: seconds(r.Run.Elapsed)}
	add := func(name string, cases []junitCase) {
		s := junitSuite{Name: name, Tests: len(cases), Time: doc.Time, Timestamp: r.Run.Start.UTC().Format("2006-01-02T15:04:05"), Cases: cases}
		for _, c := range cases {
			if c.Failure != nil {
				s.Failures++
			}
			if c.Skipped != nil {
				s.Skipped++
			}
		}
		doc.Tests += s.Tests
		doc.Failures += s.Failures
		doc.Skipped += s.Skipped
		doc.Suites = append(doc.Suites, s)
	}
	run := junitCase{Class: r.Test.Name, Name: "run"}
	if !r.ranWell() {
		run.Failure = &junitFailure{Message: strings.Join(append([]string{r.Verdict.Word}, r.Verdict.Reasons...), "; "), Type: "run"}
	}
	add("run", []junitCase{run})
	var cases []junitCase
	for _, t := range r.Thresholds {
		c := junitCase{Class: t.Selector, Name: t.Selector + " " + t.Source}
		switch {
		case t.Allowed:
			c.Skipped = &junitSkipped{Message: t.State + ": " + r.Measured(t)}
		case t.Crossed():
			c.Failure = &junitFailure{Message: t.State + ": " + r.Measured(t), Type: "threshold"}
		}
		cases = append(cases, c)
	}
	add("thresholds", cases)
	cases = nil
	r.Root.Each(func(check Check) {
		c := junitCase{Class: strings.TrimSuffix(check.Path, "::"+check.Name), Name: check.Name}
		if check.Fails > 0 {
			c.Failure = &junitFailure{Message: fmt.Sprintf("%d of %d failed", check.Fails, check.Fails+check.Passes), Type: "check"}
		}
		cases = append(cases, c)
	})
	add("checks", cases)
	if len(r.Trends) > 0 {
		cases = nil
		for _, v := range r.Trends {
			c := junitCase{Class: "trends", Name: v.Quantity}
			if v.Bad {
				c.Failure = &junitFailure{Message: v.Reason, Type: "trend"}
			}
			cases = append(cases, c)
		}
		add("trends", cases)
	}
	data, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write JUnit: %w", err)
	}
	return append([]byte(xml.Header), append(data, '\n')...), nil
}

// ranWell tells whether nothing but thresholds went wrong, which are cases of their own.
func (r *Result) ranWell() bool {
	return r.Verdict.Word == Passed || r.Verdict.Word == ThresholdsCrossed
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
