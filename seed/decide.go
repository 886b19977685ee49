package seed

import (
	"fmt"
	"slices"
	"time"
)

// found is what a run finds in the database.
type found struct {
	runs []Run
	// filled are the tables with rows.
	filled []string
}

// newest returns the newest run, or nil.
func (f found) newest() *Run {
	if len(f.runs) == 0 {
		return nil
	}
	return &f.runs[len(f.runs)-1]
}

// unfinished returns the unfinished run, or nil. There is at most one, the newest: no run starts before the
// one before it is finished.
func (f found) unfinished() *Run {
	if r := f.newest(); r != nil && !r.Finished() {
		return r
	}
	return nil
}

// action is what decide finds to be done.
type action int

const (
	// doNothing: the dataset is there.
	doNothing action = iota
	// doResume: go on with the unfinished run.
	doResume
	// doStart: begin a run in an empty database.
	doStart
	// doReplace: empty the database and begin a run.
	doReplace
	// doAppend: begin a run beside the rows that are there.
	doAppend
)

// decide says what to do about a database, and with which recorded run. It is the whole of the policies:
//
//	                        resume      fail     replace   append
//	empty                   start       start    start     start
//	same, unfinished        resume      refuse   resume    resume
//	same, finished          nothing     refuse   replace   append (*)
//	other, unfinished       refuse      refuse   replace   refuse
//	other, finished         refuse      refuse   replace   append
//	rows without a ledger   refuse      refuse   replace   append
//
// (*) refused later, because its ids are taken. Replace resumes so that a killed replacement can be finished
// by running it again; should a table turn out not to be what the ledger says, it replaces after all.
func decide(f found, given Identity, p Policy) (action, *Run, error) {
	if f.newest() == nil && len(f.filled) == 0 {
		return doStart, nil, nil
	}
	if p == Fail {
		return 0, nil, &NotEmptyError{Tables: f.filled, Recorded: f.newest()}
	}
	if r := f.unfinished(); r != nil {
		if r.Fingerprint == given.Fingerprint {
			return doResume, r, nil
		}
		if p != Replace {
			return 0, nil, &MismatchError{Recorded: *r, Given: given, Differs: differences(r.Identity, given)}
		}
	}
	switch p {
	case Replace:
		return doReplace, nil, nil
	case Append:
		return doAppend, nil, nil
	}
	if f.newest() == nil {
		return 0, nil, &NotEmptyError{Tables: f.filled}
	}
	for i := range f.runs {
		if f.runs[i].Fingerprint == given.Fingerprint {
			return doNothing, &f.runs[i], nil
		}
	}
	r := f.newest()
	return 0, nil, &MismatchError{Recorded: *r, Given: given, Differs: differences(r.Identity, given)}
}

// differences names what two identities differ in.
func differences(a, b Identity) []string {
	var d []string
	if a.Profile != b.Profile {
		d = append(d, "profile")
	} else if a.ProfileDigest != b.ProfileDigest {
		d = append(d, "weights or counts")
	}
	if a.Seed != b.Seed {
		d = append(d, "seed")
	}
	// The ledger keeps microseconds.
	if !a.AsOf.Truncate(time.Microsecond).Equal(b.AsOf.Truncate(time.Microsecond)) {
		d = append(d, "as-of")
	}
	if !sameFirstIDs(a.FirstID, b.FirstID) {
		d = append(d, "first ids")
	}
	if a.GeneratorVersion != b.GeneratorVersion {
		d = append(d, "generator version")
	}
	if len(d) == 0 {
		d = append(d, "fingerprint")
	}
	return d
}

// sameFirstIDs compares first ids, where a table not named starts at 1.
func sameFirstIDs(a, b map[string]int64) bool {
	for _, m := range []map[string]int64{a, b} {
		for table := range m {
			if max(1, a[table]) != max(1, b[table]) {
				return false
			}
		}
	}
	return true
}

// span is a range of rows of a table.
type span struct{ first, n int64 }

// missing returns the rows of 0..total-1 that no unit covers.
func missing(units []unit, total int64) ([]span, error) {
	units = slices.Clone(units)
	slices.SortFunc(units, func(a, b unit) int { return int(min(1, max(-1, a.First-b.First))) })
	var gaps []span
	next := int64(0)
	for _, u := range units {
		if u.First < next || u.First+u.N > total {
			return nil, fmt.Errorf("the ledger's unit of %s from row %d on overlaps another or goes past the table's %d rows", u.Table, u.First, total)
		}
		if u.First > next {
			gaps = append(gaps, span{next, u.First - next})
		}
		next = u.First + u.N
	}
	if next < total {
		gaps = append(gaps, span{next, total - next})
	}
	return gaps, nil
}

// cut cuts spans into pieces of at most size rows.
func cut(spans []span, size int64) []span {
	var pieces []span
	for _, s := range spans {
		for s.n > 0 {
			n := min(s.n, size)
			pieces = append(pieces, span{s.first, n})
			s.first, s.n = s.first+n, s.n-n
		}
	}
	return pieces
}
