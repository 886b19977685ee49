package verify

import (
	"time"
)

// Report is what Run found. It encodes to JSON under stable field names.
type Report struct {
	// OK tells whether nothing at all was off.
	OK      bool    `json:"ok"`
	Dataset Dataset `json:"dataset"`
	// Rows compares the number of rows of each table with the profile.
	Rows []Rows `json:"rows"`
	// Invariants holds the outcome of each invariant, structure and references first.
	Invariants []Finding `json:"invariants"`
	// Weights compares every weight of the profile with the rows.
	Weights []Weight `json:"weights"`
	// Content compares each table with the checksum in the ledger; empty unless asked for.
	Content []Checksum `json:"content,omitempty"`
	// Seconds is the wall time of the verification.
	Seconds float64 `json:"seconds"`
}

// Dataset says which dataset the database claims to hold, by the newest run of its ledger.
type Dataset struct {
	Profile     string    `json:"profile"`
	Seed        uint64    `json:"seed"`
	AsOf        time.Time `json:"as_of"`
	Fingerprint string    `json:"fingerprint"`
	// Runs is how many seedings make up the dataset: 1, and one more for each that was appended.
	Runs int `json:"runs"`
}

// Rows compares one table's number of rows with what the profile says.
type Rows struct {
	Table    string `json:"table"`
	Expected int64  `json:"expected"`
	// Found counts the seeded rows only.
	Found int64 `json:"found"`
	// LeftOut counts rows that were made after seeding, by tests say. They are not verified.
	LeftOut int64 `json:"left_out"`
	OK      bool  `json:"ok"`
}

// Finding is the outcome of one invariant.
type Finding struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	OK          bool   `json:"ok"`
	// Offending counts the rows, or other objects, that break the invariant.
	Offending int64 `json:"offending"`
	// Samples names up to three of them.
	Samples []string `json:"samples,omitempty"`
}

// Weight compares the shares of one weighted choice with the rows.
type Weight struct {
	// Name is table and choice, as in "users.role".
	Name    string  `json:"name"`
	Rows    int64   `json:"rows"`
	Classes []Class `json:"classes"`
	Chi2    float64 `json:"chi2"`
	// Degrees of freedom; 0 when there are too few rows to judge.
	Degrees int `json:"degrees"`
	// P is the chance that a right database is at least this far from the weights.
	P  float64 `json:"p"`
	OK bool    `json:"ok"`
}

// Class is one outcome of a weighted choice.
type Class struct {
	Name string `json:"name"`
	// Expected and Observed are shares of all rows, from 0 to 1.
	Expected float64 `json:"expected"`
	Observed float64 `json:"observed"`
	Rows     int64   `json:"rows"`
}

// Checksum compares one table's content with the ledger.
type Checksum struct {
	Table    string `json:"table"`
	Expected string `json:"expected"`
	Found    string `json:"found"`
	OK       bool   `json:"ok"`
}

// allOK tells whether nothing is off.
func (r *Report) allOK() bool {
	for _, x := range r.Rows {
		if !x.OK {
			return false
		}
	}
	for _, x := range r.Invariants {
		if !x.OK {
			return false
		}
	}
	for _, x := range r.Weights {
		if !x.OK {
			return false
		}
	}
	for _, x := range r.Content {
		if !x.OK {
			return false
		}
	}
	return true
}
