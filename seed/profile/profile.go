// Package profile reads and checks dataset profiles: how many rows each table has and how values are
// weighted. Profiles are YAML; five are embedded (see Names) and others come from files.
package profile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/medianest/testbed/fixtures"
	"github.com/medianest/testbed/schema"
)

// Profile says how large a dataset is and how its values are weighted.
type Profile struct {
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	Rows        Rows    `json:"rows"`
	Weights     Weights `json:"weights"`
}

// New returns a profile with the default weights.
func New(name string, rows Rows) *Profile {
	return &Profile{Name: name, Rows: rows, Weights: DefaultWeights()}
}

// Clone returns a copy that shares nothing with p.
func (p *Profile) Clone() *Profile {
	c := *p
	c.Weights.Roles = maps.Clone(p.Weights.Roles)
	c.Weights.MIMETypes = maps.Clone(p.Weights.MIMETypes)
	c.Weights.Sizes = slices.Clone(p.Weights.Sizes)
	return &c
}

// Rows is the number of rows of each table. Sessions are never seeded.
type Rows struct {
	Users           int64 `json:"users"`
	MediaFiles      int64 `json:"media_files"`
	Collections     int64 `json:"collections"`
	CollectionItems int64 `json:"collection_items"`
	Tags            int64 `json:"tags"`
	MediaTags       int64 `json:"media_tags"`
	Comments        int64 `json:"comments"`
	UserActivity    int64 `json:"user_activity"`
	Notifications   int64 `json:"notifications"`
}

// field returns where the count of a table is kept, or nil for a table that is not seeded.
func (r *Rows) field(table string) *int64 {
	switch table {
	case schema.Users.Name:
		return &r.Users
	case schema.MediaFiles.Name:
		return &r.MediaFiles
	case schema.Collections.Name:
		return &r.Collections
	case schema.CollectionItems.Name:
		return &r.CollectionItems
	case schema.Tags.Name:
		return &r.Tags
	case schema.MediaTags.Name:
		return &r.MediaTags
	case schema.Comments.Name:
		return &r.Comments
	case schema.UserActivity.Name:
		return &r.UserActivity
	case schema.Notifications.Name:
		return &r.Notifications
	}
	return nil
}

// Of returns the number of rows of a table, 0 for one that is not seeded.
func (r Rows) Of(table string) int64 {
	if n := r.field(table); n != nil {
		return *n
	}
	return 0
}

// Total returns the number of rows of all tables.
func (r Rows) Total() int64 {
	var sum int64
	for _, t := range Tables() {
		sum += r.Of(t)
	}
	return sum
}

// Tables returns the names of the tables that a profile counts, each after those that it refers to.
func Tables() []string {
	var names []string
	var r Rows
	for _, t := range schema.Tables() {
		if r.field(t.Name) != nil {
			names = append(names, t.Name)
		}
	}
	return names
}

// PublicMedia returns how many media files are public: the stated share of all, rounded to whole files.
func (p *Profile) PublicMedia() int64 {
	return int64(math.Floor(float64(float64(p.Rows.MediaFiles)*p.Weights.Public) + 0.5))
}

// LargestCollection returns how many items a collection can have at most. Items are files of the owner's
// or public ones; with x public files every owner, however few files are the owner's, has 2 sqrt(x) - 2 to
// choose from in a way that needs no list of them.
func (p *Profile) LargestCollection() int64 {
	root := int64(math.Sqrt(float64(p.PublicMedia())))
	return min(500, max(0, 2*root-2))
}

// Names returns the names of the embedded profiles, smallest dataset first.
func Names() []string {
	return []string{"smoke", "ci", "dev", "volume", "huge"}
}

// maxFileSize bounds a profile file: the embedded ones have about a kilobyte.
const maxFileSize = 1 << 20

// Load reads the embedded profile of the given name, or else the YAML file of that path, and replaces the
// counts of the tables that overrides names. Weights that the profile leaves out are DefaultWeights.
//
// What is wrong with the profile is reported all at once, as a Problems.
func Load(nameOrFile string, overrides map[string]int64) (*Profile, error) {
	text, err := read(nameOrFile)
	if err != nil {
		return nil, err
	}
	p, parsed, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", nameOrFile, err)
	}
	if p.Name == "" {
		p.Name = strings.TrimSuffix(filepath.Base(nameOrFile), filepath.Ext(nameOrFile))
	}
	problems := append(parsed.problems, p.override(overrides)...)
	for _, found := range p.validate(problems) {
		if _, overridden := overrides[strings.TrimPrefix(found.Field, "rows.")]; !overridden {
			found.Line = parsed.line(found.Field)
		}
		problems = append(problems, found)
	}
	if len(problems) > 0 {
		slices.SortStableFunc(problems, func(a, b Problem) int {
			if a.Line == 0 || b.Line == 0 {
				return cmp.Compare(b.Line, a.Line) // those of no line come last
			}
			return cmp.Compare(a.Line, b.Line)
		})
		return nil, fmt.Errorf("profile %s: %w", nameOrFile, problems)
	}
	return p, nil
}

func read(nameOrFile string) ([]byte, error) {
	if slices.Contains(Names(), nameOrFile) {
		return fixtures.Profiles.ReadFile("profiles/" + nameOrFile + ".yaml")
	}
	info, err := os.Stat(nameOrFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		names := strings.Join(Names(), ", ")
		if ext := filepath.Ext(nameOrFile); ext == ".yaml" || ext == ".yml" || filepath.Base(nameOrFile) != nameOrFile {
			return nil, fmt.Errorf("read profile: %s: no such file (without a file there are %s)", nameOrFile, names)
		}
		hint := near(nameOrFile, Names())
		if hint != "" {
			hint = fmt.Sprintf(" (did you mean %s?)", hint)
		}
		return nil, fmt.Errorf("profile %q is neither a file nor one of %s%s", nameOrFile, names, hint)
	case err != nil:
		return nil, fmt.Errorf("read profile: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("read profile: %s is a directory", nameOrFile)
	case info.Size() > maxFileSize:
		return nil, fmt.Errorf("read profile: %s is larger than %d bytes", nameOrFile, maxFileSize)
	}
	text, err := os.ReadFile(nameOrFile)
	if err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	return text, nil
}

func (p *Profile) override(counts map[string]int64) Problems {
	var problems Problems
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if n := p.Rows.field(name); n != nil {
			*n = counts[name]
		} else {
			problems = append(problems, Problem{Field: name, Message: "no such table to override the count of" + didYouMean(name, Tables())})
		}
	}
	return problems
}
