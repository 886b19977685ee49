package profile_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/medianest/testbed/seed/profile"
)

func ExampleLoad() {
	p, err := profile.Load("volume", map[string]int64{"comments": 500_000})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Name, p.Rows.MediaFiles, p.Rows.Comments, p.Rows.Total())
	// Output: volume 1000000 500000 5152000
}

// What is wrong is said all at once, with the line, and with what was probably meant.
func ExampleLoad_problems() {
	file := filepath.Join(os.TempDir(), "example-profile.yaml")
	defer os.Remove(file)
	text := `
rows:
  users: 1000
  meida_files: 10000
  comments: -1
weights:
  active: 90
  roles: {user: 0.8, moderator: 0.1}
  mime_types: {image/jpg: 1}
  sizes:
    - {min: 1000, max: 5000, weight: 0.5}
    - {min: 4000, max: 3000, wieght: 0.5}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	_, err := profile.Load(file, map[string]int64{"user": 5})
	var problems profile.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Println(p)
		}
	}
	// Output:
	// line 4: rows.meida_files: unknown field (did you mean media_files?)
	// line 5: rows.comments: -1 is negative
	// line 7: weights.active: 90 is not between 0 and 1
	// line 8: weights.roles: the shares sum to 0.9, should be 1
	// line 9: weights.mime_types.image/jpg: unknown field (did you mean image/jpeg?)
	// line 12: weights.sizes[1].wieght: unknown field (did you mean weight?)
	// line 12: weights.sizes[1]: max 3000 is not above min 4000
	// user: no such table to override the count of (did you mean users?)
}

// The embedded profiles are valid, in the order of their size, and what their names promise.
func TestEmbeddedProfiles(t *testing.T) {
	var last int64
	for _, name := range profile.Names() {
		p, err := profile.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != name || p.Description == "" {
			t.Errorf("%s: name %q, description %q", name, p.Name, p.Description)
		}
		if n := p.Rows.Total(); n < 2*last || n < 1000 {
			t.Errorf("%s has %d rows after one of %d", name, n, last)
		}
		last = p.Rows.Total()
		if p.Digest() != (&profile.Profile{Rows: p.Rows, Weights: profile.DefaultWeights()}).Digest() {
			t.Errorf("%s has other weights than the default ones", name)
		}
	}
	volume, err := profile.Load("volume", nil)
	if err != nil {
		t.Fatal(err)
	}
	huge, err := profile.Load("huge", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := profile.Rows{Users: 50_000, MediaFiles: 1_000_000, Collections: 100_000, CollectionItems: 800_000, Tags: 2000,
		MediaTags: 2_000_000, Comments: 1_000_000, UserActivity: 500_000, Notifications: 200_000}
	if volume.Rows != want {
		t.Errorf("volume has %+v", volume.Rows)
	}
	for _, table := range profile.Tables() {
		if n := huge.Rows.Of(table); n != 10*volume.Rows.Of(table) && table != "tags" {
			t.Errorf("huge has %d %s", n, table)
		}
	}
}

// The default weights are those of the MediaNest performance-testing document.
func TestDefaultWeights(t *testing.T) {
	w := profile.DefaultWeights()
	for name, c := range map[string]struct{ got, want float64 }{
		"user": {w.Roles["user"], 0.85}, "moderator": {w.Roles["moderator"], 0.10}, "admin": {w.Roles["admin"], 0.05},
		"active": {w.Active, 0.90}, "public": {w.Public, 0.70},
		"image/jpeg": {w.MIMETypes["image/jpeg"], 0.40}, "image/png": {w.MIMETypes["image/png"], 0.30}, "video/mp4": {w.MIMETypes["video/mp4"], 0.15},
		"application/pdf": {w.MIMETypes["application/pdf"], 0.10}, "video/avi": {w.MIMETypes["video/avi"], 0.05},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if got := fmt.Sprint(w.Sizes); got != "[{50000 500000 0.3} {500000 2000000 0.4} {2000000 10000000 0.2} {10000000 100000000 0.1}]" {
		t.Errorf("sizes %s", got)
	}
}

func load(t *testing.T, text string, overrides map[string]int64) (*profile.Profile, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return profile.Load(file, overrides)
}

// Each text is wrong in the ways that are listed, and in no other.
func TestProblems(t *testing.T) {
	const few = "rows: {users: 100, media_files: 100, tags: 10}\n"
	for name, c := range map[string]struct {
		text      string
		overrides map[string]int64
		want      []string
	}{
		"unknown section":       {few + "wieghts: {}\n", nil, []string{"line 2: wieghts: unknown field (did you mean weights?)"}},
		"unknown tables":        {"rows: {users: 1, usres: 5,\n  tag: 3}\n", nil, []string{"line 1: rows.usres: unknown field (did you mean users?)", "line 2: rows.tag: unknown field (did you mean tags?)"}},
		"nothing near":          {few + "weights: {zzz: 1}\n", nil, []string{"line 2: weights.zzz: unknown field (known: roles, active, public, mime_types, sizes)"}},
		"sessions":              {"rows: {users: 1, sessions: 5}\n", nil, []string{"line 1: rows.sessions: unknown field"}},
		"twice":                 {"rows: {users: 1, users: 2}\n", nil, []string{"line 1: rows.users: is given twice"}},
		"negative":              {"rows:\n  users: 100\n  tags: -1\n", nil, []string{"line 3: rows.tags: -1 is negative"}},
		"too many":              {"rows:\n  users: 10000000001\n", nil, []string{"line 2: rows.users: 10000000001 is more than the 10000000000 rows"}},
		"not a number":          {"rows: {users: many, tags: 1.5}\n", nil, []string{`line 1: rows.users: "many" should be a whole number of rows`, `line 1: rows.tags: "1.5" should be`}},
		"empty value":           {"rows: {users: }\n", nil, []string{"line 1: rows.users: is empty, should be a whole number of rows"}},
		"not a mapping":         {"rows: 5\n", nil, []string{"line 1: rows: should be a mapping of users, media_files"}},
		"a list":                {"- rows\n", nil, []string{"line 1: profile: should be a mapping of name, description, rows, weights"}},
		"comments of nobody":    {"rows: {comments: 5}\n", nil, []string{"line 1: rows.comments: 5 rows refer to media_files, of which there are none", "line 1: rows.comments: 5 rows refer to users, of which there are none"}},
		"items of nothing":      {few + "", map[string]int64{"collection_items": 3}, []string{"rows.collection_items: 3 rows refer to collections, of which there are none"}},
		"too many pairs":        {few, map[string]int64{"media_tags": 1001}, []string{"rows.media_tags: 1001 is more than the 1000 pairs of 100 media_files and 10 tags"}},
		"too many items":        {few, map[string]int64{"collections": 3, "collection_items": 43}, []string{"rows.collection_items: 43 is more than fit: 3 collections, each of at most 14 of the 70 public media_files"}},
		"unknown override":      {few, map[string]int64{"coment": 1, "zzzz": 1}, []string{"coment: no such table to override the count of (did you mean comments?)", "zzzz: no such table"}},
		"share above 1":         {few + "weights: {active: 90, public: -0.1}\n", nil, []string{"line 2: weights.active: 90 is not between 0 and 1", "line 2: weights.public: -0.1 is not"}},
		"not a share":           {few + "weights: {active: .nan}\n", nil, []string{"line 2: weights.active: NaN is not between 0 and 1"}},
		"sum":                   {few + "weights:\n  roles: {user: 0.85, admin: 0.05}\n", nil, []string{"line 3: weights.roles: the shares sum to 0.9, should be 1"}},
		"sum just off":          {few + "weights:\n  roles: {user: 0.85, admin: 0.15000001}\n", nil, []string{"line 3: weights.roles: the shares sum to 1.00000001, should be 1"}},
		"unknown role":          {few + "weights:\n  roles: {user: 0.85, amdin: 0.15}\n", nil, []string{"line 3: weights.roles.amdin: unknown field (did you mean admin?)"}},
		"unknown type":          {few + "weights:\n  mime_types: {image/jpg: 1}\n", nil, []string{"line 3: weights.mime_types.image/jpg: unknown field (did you mean image/jpeg?)"}},
		"overlap":               {few + "weights:\n  sizes:\n    - {min: 10, max: 30, weight: 0.5}\n    - {min: 20, max: 40, weight: 0.5}\n", nil, []string{"line 3: weights.sizes: 10 to 30 and 20 to 40 overlap"}},
		"inverted":              {few + "weights:\n  sizes:\n    - {min: 10, max: 10, weight: 1}\n", nil, []string{"line 4: weights.sizes[0]: max 10 is not above min 10"}},
		"no bytes":              {few + "weights:\n  sizes:\n    - {min: 0, max: 10, weight: 1}\n", nil, []string{"line 4: weights.sizes[0].min: 0 should be at least 1 byte"}},
		"unknown in a range":    {few + "weights:\n  sizes:\n    - {min: 1, max: 10, wieght: 1}\n", nil, []string{"line 4: weights.sizes[0].wieght: unknown field (did you mean weight?)"}},
		"ranges are no list":    {few + "weights:\n  sizes: {min: 1}\n", nil, []string{"line 3: weights.sizes: should be a list of {min, max, weight}"}},
		"everything at once":    {"rows: {users: -1, tgas: 1}\nweights: {active: 2, roles: {user: 0.5}}\n", nil, []string{"line 1: rows.tgas", "line 1: rows.users: -1", "line 2: weights.roles: the shares sum to 0.5", "line 2: weights.active: 2"}},
		"override of bad count": {"rows:\n  users: -5\n", map[string]int64{"users": -7}, []string{"rows.users: -7 is negative"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.text, c.overrides)
			var problems profile.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error %v, want problems", err)
			}
			for i, want := range c.want {
				if i >= len(problems) || !strings.Contains(problems[i].Error(), want) {
					t.Errorf("want problem %d: %s", i+1, want)
				}
			}
			if len(problems) != len(c.want) || t.Failed() {
				t.Errorf("got %d problems, want %d:\n%v", len(problems), len(c.want), problems)
			}
		})
	}
}

// A file that can't be read at all says why.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty.yaml": "", "broken.yaml": "rows: {users: [1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "large.yaml"), make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"missing.yaml":                    `read profile: missing.yaml: no such file (without a file there are smoke, ci, dev, volume, huge)`,
		"benchmark":                       `profile "benchmark" is neither a file nor one of smoke, ci, dev, volume, huge`,
		"volum":                           `profile "volum" is neither a file nor one of smoke, ci, dev, volume, huge (did you mean volume?)`,
		dir:                               "is a directory",
		filepath.Join(dir, "empty.yaml"):  "the file is empty",
		filepath.Join(dir, "broken.yaml"): "yaml: line",
		filepath.Join(dir, "large.yaml"):  "larger than 1048576 bytes",
	} {
		if _, err := profile.Load(name, nil); err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "huge") > 1 {
			t.Errorf("%s: error %v, want: %s, and the profiles listed once", name, err, want)
		}
	}
}

// A file may leave out weights, or give a section of them.
func TestDefaults(t *testing.T) {
	p, err := load(t, "description: mine\nrows: {users: 1_000}\nweights: {public: 0.25}\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "test" || p.Description != "mine" || p.Rows != (profile.Rows{Users: 1000}) || p.Weights.Public != 0.25 || p.Weights.Active != 0.9 {
		t.Errorf("got %+v", p)
	}
}

// The digest is of what decides about rows, and of nothing else.
func TestDigest(t *testing.T) {
	base := profile.New("a", profile.Rows{Users: 100, MediaFiles: 50})
	same := base.Clone()
	same.Name, same.Description = "b", "another text"
	same.Weights.Sizes[0], same.Weights.Sizes[3] = same.Weights.Sizes[3], same.Weights.Sizes[0]
	same.Weights.Roles["nothing"] = 0
	if base.Digest() != same.Digest() || len(base.Digest()) != 64 {
		t.Errorf("digests %s and %s", base.Digest(), same.Digest())
	}
	for name, change := range map[string]func(*profile.Profile){
		"count":  func(p *profile.Profile) { p.Rows.Tags = 1 },
		"role":   func(p *profile.Profile) { p.Weights.Roles["user"] = math.Nextafter(0.85, 1) },
		"active": func(p *profile.Profile) { p.Weights.Active = 0.91 },
		"public": func(p *profile.Profile) { p.Weights.Public = 0.71 },
		"type":   func(p *profile.Profile) { delete(p.Weights.MIMETypes, "video/avi") },
		"size":   func(p *profile.Profile) { p.Weights.Sizes[1].Max-- },
	} {
		other := base.Clone()
		change(other)
		if other.Digest() == base.Digest() {
			t.Errorf("another %s has the same digest", name)
		}
	}
	if base.Weights.Roles["user"] != 0.85 || base.Weights.Sizes[1].Max != 2_000_000 {
		t.Error("changing a clone has changed the original")
	}
}
