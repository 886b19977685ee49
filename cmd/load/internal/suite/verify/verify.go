// Package verify holds what a target answers against the rows that must be there. Rows of a seeded dataset are a
// pure function of its seed, their table and their index, so the runner knows every one of them without asking
// a database: a body that belongs to another row, an old one, or one with something missing does not pass for
// an answer because its status is 200.
//
// What a server may rightly change is left out. Views and times of access change all the time. Where updatedAt
// is later than the seeded one, the row has been changed since, and what a change may touch (names, titles,
// descriptions, visibility, preferences) is not compared; what it can't touch still is. An updatedAt before the
// seeded one is stale, and one that is the same promises that nothing was changed. Rows whose ids come after
// the seeded ones were made by tests: only what the list promises about them is checked.
//
// An answer that was right once and is served again is told by meta.timestamp: see StaleAfter.
package verify

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/gen"
)

// Answer is a successful response and who asked for what.
type Answer struct {
	VU int
	// Host is the base URL of who answered; its clock is its own.
	Host string
	// Request is the method and the URL.
	Request string
	// Sent is when the request was sent, Received when the answer had come.
	Sent, Received time.Time
	Status         int
	Body           []byte
	// Header returns a header of the response.
	Header func(name string) string
	// Viewer is the index of the user who asked, or Anonymous or Unknown.
	Viewer int64
}

// Viewers who are no user of the dataset.
const (
	Unknown   = -1 // somebody of whom nothing is known
	Anonymous = -2
)

// Difference is one thing that is not as it must be.
type Difference struct {
	// Path is where in the body, or the header.
	Path string `json:"path"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// Mismatch is an answer that is not right.
type Mismatch struct {
	Time    time.Time `json:"time"`
	VU      int       `json:"vu"`
	Request string    `json:"request"`
	// Differences are the first few; More counts the others.
	Differences []Difference `json:"differences"`
	More        int          `json:"more,omitempty"`
	// Body is the beginning of the answer's body.
	Body string `json:"body,omitempty"`
}

// String says in one line what is wrong.
func (m Mismatch) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s answered wrongly:", m.Request)
	for i, d := range m.Differences {
		if i > 0 {
			b.WriteByte(';')
		}
		fmt.Fprintf(&b, " %s is %s, must be %s", d.Path, d.Got, d.Want)
	}
	if m.More > 0 {
		fmt.Fprintf(&b, "; and %d more", m.More)
	}
	return b.String()
}

// What is kept of what is wrong.
const (
	// KeptMismatches is how many wrong answers are kept, the first ones.
	KeptMismatches  = 100
	keptDifferences = 8
	keptBody        = 2 << 10 // bytes
	keptValue       = 200     // bytes
)

// Verifier knows the dataset. It is safe for concurrent use.
type Verifier struct {
	data    *gen.Dataset
	rows    map[string]int64 // by table
	first   map[string]int64 // id by table
	report  func(Mismatch)
	scratch sync.Pool // of *rows

	clock clock

	mu         sync.Mutex
	checked    int64
	wrong      int64
	mismatches []Mismatch
}

// rows are filled again and again.
type rows struct {
	user       gen.User
	media      gen.MediaFile
	collection gen.Collection
	comment    gen.Comment
	tag        gen.Tag
}

// New returns a Verifier of a dataset. Where report is not nil, it is called with the mismatches that are kept,
// from several goroutines.
func New(d *gen.Dataset, report func(Mismatch)) *Verifier {
	v := &Verifier{data: d, rows: map[string]int64{}, first: map[string]int64{}, report: report}
	v.scratch.New = func() any { return new(rows) }
	for _, t := range d.Tables() {
		v.rows[t.Schema.Name], v.first[t.Schema.Name] = t.Rows, d.FirstID(t.Schema.Name)
	}
	return v
}

// Dataset returns the dataset.
func (v *Verifier) Dataset() *gen.Dataset { return v.data }

// Counts returns how many answers were checked, and how many of them were wrong.
func (v *Verifier) Counts() (checked, wrong int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.checked, v.wrong
}

// Mismatches returns the first wrong answers, KeptMismatches at most.
func (v *Verifier) Mismatches() []Mismatch {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]Mismatch(nil), v.mismatches...)
}

// check is the checking of one answer.
type check struct {
	*Verifier
	*rows
	answer *Answer
	body   gjson.Result
	found  []Difference
	more   int
}

// hold runs one check of an answer, keeps what it finds, and tells whether the answer is right.
func (v *Verifier) hold(a *Answer, examine func(c *check)) bool {
	r := v.scratch.Get().(*rows)
	defer v.scratch.Put(r)
	c := &check{Verifier: v, rows: r, answer: a}
	examine(c)
	return v.keep(a, c)
}

// holdJSON is hold for answers that are JSON objects.
func (v *Verifier) holdJSON(a *Answer, examine func(c *check)) bool {
	return v.hold(a, func(c *check) {
		if !gjson.ValidBytes(a.Body) {
			c.differs("body", "JSON", fmt.Sprintf("%d bytes that are none, and end in %q", len(a.Body), a.Body[max(0, len(a.Body)-40):]))
			return
		}
		c.body = gjson.ParseBytes(a.Body)
		c.fresh()
		examine(c)
	})
}

func (v *Verifier) keep(a *Answer, c *check) bool {
	v.mu.Lock()
	v.checked++
	if len(c.found) == 0 {
		v.mu.Unlock()
		return true
	}
	v.wrong++
	if len(v.mismatches) >= KeptMismatches {
		v.mu.Unlock()
		return false
	}
	m := Mismatch{
		Time: time.Now(), VU: a.VU, Request: a.Request, Differences: c.found, More: c.more,
		Body: strings.ToValidUTF8(string(a.Body[:min(len(a.Body), keptBody)]), "?"),
	}
	v.mismatches = append(v.mismatches, m)
	v.mu.Unlock()
	if v.report != nil {
		v.report(m)
	}
	return false
}

// differs notes a difference.
func (c *check) differs(path, want, got string) {
	if len(c.found) >= keptDifferences {
		c.more++
		return
	}
	c.found = append(c.found, Difference{Path: path, Want: short(want), Got: short(got)})
}

func short(s string) string {
	if len(s) > keptValue {
		return strings.ToValidUTF8(s[:keptValue], "?") + "..."
	}
	return s
}

// index returns which row of a table has the id; false for one that is not seeded.
func (v *Verifier) index(t schema.Table, id int64) (int64, bool) {
	i := id - v.first[t.Name]
	return i, i >= 0 && i < v.rows[t.Name]
}

// maySee tells whether the viewer may see what a user owns and others may not, and what to call the viewer.
func (c *check) maySee(owner int64) (may bool, viewer string) {
	switch c.answer.Viewer {
	case Unknown:
		return true, ""
	case Anonymous:
		return false, "everybody"
	}
	c.data.User(c.answer.Viewer, &c.user)
	return c.user.ID == owner || c.user.Role == "admin", fmt.Sprintf("user %d", c.user.ID)
}

// User returns the index of the fixed account with the address, Unknown where there is none.
func (v *Verifier) User(email string) int64 {
	for i, a := range v.data.Accounts() {
		if a.Email == email {
			return int64(i)
		}
	}
	return Unknown
}
