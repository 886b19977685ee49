package verify

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText writes the report for people. What is in order is summed up in a line unless all is asked for;
// what is off is always shown in full, at the end, where it is seen.
func (r *Report) WriteText(w io.Writer, all bool) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "dataset\t%s\n", r.Dataset)
	var rows, leftOut int64
	for _, x := range r.Rows {
		rows += x.Found
		leftOut += x.LeftOut
	}
	fmt.Fprintf(t, "rows\t%d seeded in %d tables, %d made since and left out\n", rows, len(r.Rows), leftOut)
	fmt.Fprintf(t, "invariants\t%s\n", tally(r.Invariants, func(f Finding) bool { return f.OK }))
	fmt.Fprintf(t, "weights\t%s\n", tally(r.Weights, func(x Weight) bool { return x.OK }))
	if len(r.Content) > 0 {
		fmt.Fprintf(t, "content\t%s\n", tally(r.Content, func(c Checksum) bool { return c.OK }))
	}
	fmt.Fprintf(t, "time\t%.1f s\n", r.Seconds)

	if all {
		fmt.Fprint(t, "\nTABLE\tEXPECTED\tFOUND\tLEFT OUT\t\n")
		for _, x := range r.Rows {
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\n", x.Table, x.Expected, x.Found, x.LeftOut, word(x.OK))
		}
		fmt.Fprint(t, "\nINVARIANT\tOFFENDING\t\tWHAT HOLDS\n")
		for _, f := range r.Invariants {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", f.Name, f.Offending, word(f.OK), f.Description)
		}
	}
	fmt.Fprint(t, "\nWEIGHT\tCLASS\tEXPECTED\tOBSERVED\tROWS\tCHI2\tDEGREES\tP\t\n")
	for _, x := range r.Weights {
		for i, c := range x.Classes {
			name, figures := "", "\t\t\t\t"
			if i == 0 {
				name, figures = x.Name, fmt.Sprintf("%.2f\t%d\t%.3g\t%s", x.Chi2, x.Degrees, x.P, word(x.OK))
				if x.Degrees == 0 {
					figures = "-\t0\t-\ttoo few rows"
				}
			}
			fmt.Fprintf(t, "%s\t%s\t%.4f\t%.4f\t%d\t%s\n", name, c.Name, c.Expected, c.Observed, c.Rows, figures)
		}
	}
	if len(r.Content) > 0 {
		fmt.Fprint(t, "\nCONTENT\tLEDGER\tDATABASE\t\n")
		for _, c := range r.Content {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", c.Table, c.Expected, c.Found, word(c.OK))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return r.writeOff(w)
}

// writeOff writes what is off, or that nothing is.
func (r *Report) writeOff(w io.Writer) error {
	var b strings.Builder
	for _, x := range r.Rows {
		if !x.OK {
			fmt.Fprintf(&b, "  rows of %s: %d instead of %d\n", x.Table, x.Found, x.Expected)
		}
	}
	for _, f := range r.Invariants {
		if !f.OK {
			fmt.Fprintf(&b, "  %s: %d against \"%s\"", f.Name, f.Offending, f.Description)
			if len(f.Samples) > 0 {
				fmt.Fprintf(&b, ", such as %s", strings.Join(f.Samples, "; "))
			}
			b.WriteString("\n")
		}
	}
	for _, x := range r.Weights {
		if !x.OK {
			fmt.Fprintf(&b, "  weight of %s: chi2 %.1f with %d degrees of freedom, p = %.3g\n", x.Name, x.Chi2, x.Degrees, x.P)
		}
	}
	for _, c := range r.Content {
		if !c.OK {
			fmt.Fprintf(&b, "  content of %s: not what was seeded\n", c.Table)
		}
	}
	verdict := "\nok: nothing is off\n"
	if !r.OK {
		verdict = "\nfailed:\n" + b.String()
	}
	_, err := io.WriteString(w, verdict)
	return err
}

// String names the dataset in a line.
func (d Dataset) String() string {
	s := fmt.Sprintf("%s, seed %d, as of %s, fingerprint %s", d.Profile, d.Seed, d.AsOf.Format("2006-01-02T15:04:05Z07:00"), d.Fingerprint)
	if d.Runs > 1 {
		s += fmt.Sprintf(" (the newest of %d runs)", d.Runs)
	}
	return s
}

func tally[T any](list []T, ok func(T) bool) string {
	off := 0
	for _, x := range list {
		if !ok(x) {
			off++
		}
	}
	if off == 0 {
		return fmt.Sprintf("%d checked, all hold", len(list))
	}
	return fmt.Sprintf("%d checked, %d off", len(list), off)
}

func word(ok bool) string {
	if ok {
		return "ok"
	}
	return "OFF"
}
