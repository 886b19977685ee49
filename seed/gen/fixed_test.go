package gen_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// The accounts that the suites log in with are there under their ids, active, with the passwords that open them.
func TestFixedAccounts(t *testing.T) {
	d, _ := dataset(t, "smoke")
	want := map[string]gen.Account{}
	for _, a := range d.Accounts() {
		want[a.Email] = a
	}
	for email, password := range map[string]string{
		"perf.user1@medianest.test":     "Performance123!",
		"perf.user25@medianest.test":    "Performance123!",
		"perf.user@medianest.test":      "Performance123!",
		"test@example.com":              "password123",
		"admin@medianest.test":          want["admin@medianest.test"].Password,
		"moderator@medianest.test":      want["moderator@medianest.test"].Password,
		"nobody.in.particular@test.com": "",
	} {
		if want[email].Password != password {
			t.Errorf("the password of %s is %q, want %q", email, want[email].Password, password)
		}
	}
	if a := want["perf.user1@medianest.test"]; a.ID != 1 || a.Role != "user" {
		t.Errorf("perf.user1 is %+v", a)
	}
	if want["admin@medianest.test"].Role != "admin" || want["moderator@medianest.test"].Role != "moderator" {
		t.Error("the admin or the moderator is none")
	}
	var u gen.User
	for i, a := range d.Accounts() {
		d.User(int64(i), &u)
		if u.ID != a.ID || string(u.Email) != a.Email || string(u.Name) != a.Name || u.Role != a.Role || !u.Active {
			t.Errorf("account %+v is user %+v", a, u)
		}
		if len(a.Password) < 8 || a.Name == "" || !slices.Contains(profile.Roles(), a.Role) {
			t.Errorf("account %+v lacks something", a)
		}
		if err := bcrypt.CompareHashAndPassword(u.PasswordHash, []byte(a.Password)); err != nil {
			t.Errorf("%s: %v", a.Email, err)
		}
	}
}

// Every user can log in with what Login says.
func TestLogin(t *testing.T) {
	d, p := dataset(t, "smoke")
	var u gen.User
	for i := range p.Rows.Users {
		email, password := d.Login(i)
		d.User(i, &u)
		if email != string(u.Email) {
			t.Errorf("user %d has the address %s, Login says %s", i, u.Email, email)
		}
		if err := bcrypt.CompareHashAndPassword(u.PasswordHash, []byte(password)); err != nil {
			t.Errorf("%s: %v", email, err)
		}
	}
}

// Hashes are bcrypt's, of the cost that was asked for, and the same every time.
func TestPasswordHashes(t *testing.T) {
	p, err := profile.Load("smoke", nil)
	if err != nil {
		t.Fatal(err)
	}
	hash := func(o gen.Options) string {
		var u gen.User
		open(t, p, o).User(59, &u)
		return string(u.PasswordHash)
	}
	for _, cost := range []int{4, 5, 7} {
		h := hash(gen.Options{Seed: 1, AsOf: asOf, BcryptCost: cost})
		if got, err := bcrypt.Cost([]byte(h)); err != nil || got != cost {
			t.Errorf("%s has cost %d (%v), want %d", h, got, err, cost)
		}
		if err := bcrypt.CompareHashAndPassword([]byte(h), []byte(gen.DefaultPassword)); err != nil {
			t.Errorf("%s: %v", h, err)
		}
		if bcrypt.CompareHashAndPassword([]byte(h), []byte("Performance123?")) == nil {
			t.Errorf("%s fits another password", h)
		}
	}
	if a, b := hash(gen.Options{Seed: 1, AsOf: asOf}), hash(gen.Options{Seed: 1, AsOf: asOf.Add(time.Hour)}); a != b {
		t.Errorf("hashes %s and %s of the same seed", a, b)
	}
	if a, b := hash(gen.Options{Seed: 1, AsOf: asOf}), hash(gen.Options{Seed: 2, AsOf: asOf}); a == b {
		t.Errorf("hash %s of two seeds", a)
	}
}

// The suites search for these.
func TestFixedTagsAndCollection(t *testing.T) {
	for _, name := range []string{"smoke", "ci"} {
		p, err := profile.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(open(t, p, gen.Options{Seed: 3, AsOf: asOf}))
		used := map[int64]int{}
		for _, mt := range w.mediaTags {
			used[mt.TagID]++
		}
		for i, tag := range []string{"photo", "image", "video", "document", "test"} {
			if got := w.tags[i]; string(got.Name) != tag || got.ID != int64(i+1) {
				t.Errorf("%s: tag %d is %s, want %s", name, got.ID, got.Name, tag)
			}
			// Few of the two hundred files of smoke are documents.
			if mean := len(w.mediaTags) / len(w.tags); used[int64(i+1)] < mean/2 {
				t.Errorf("%s: %d files are tagged %s, of a tag on average %d", name, used[int64(i+1)], tag, mean)
			}
		}
		c := w.collections[0]
		if string(c.Name) != "Test Collection" || !c.Public || c.UserID != 1 || c.ID != 1 {
			t.Errorf("%s: collection 1 is %+v", name, c)
		}
		items := 0
		for _, i := range w.items {
			if i.CollectionID == 1 {
				items++
				if !w.media[i.MediaID-1].Public {
					t.Errorf("%s: private file %d is in the test collection", name, i.MediaID)
				}
			}
		}
		if items != 12 {
			t.Errorf("%s: the test collection has %d items", name, items)
		}
	}
}

// A run that appends makes no fixed rows, its ids go on from those before, and it refers only to its own rows. Its addresses
// and tags are new ones.
func TestAppendedRunsKeepToThemselves(t *testing.T) {
	p, err := profile.Load("smoke", map[string]int64{"users": 20, "tags": 12, "collections": 7})
	if err != nil {
		t.Fatal(err)
	}
	before, err := profile.Load("smoke", nil)
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]int64{}
	for _, table := range profile.Tables() {
		first[table] = before.Rows.Of(table) + 1
	}
	old := newWorld(open(t, before, gen.Options{Seed: 1, AsOf: asOf}))
	d := open(t, p, gen.Options{Seed: 1, AsOf: asOf, FirstID: first})
	w := newWorld(d)
	if n := len(d.Accounts()); n != 0 {
		t.Errorf("an appended run has %d fixed accounts", n)
	}
	own := func(table string, id int64) bool { return id >= first[table] && id < first[table]+p.Rows.Of(table) }
	none(t, w.users, "user", func(u *gen.User) bool { return !own("users", u.ID) })
	none(t, w.media, "media file", func(m *gen.MediaFile) bool { return !own("media_files", m.ID) || !own("users", m.UserID) })
	none(t, w.collections, "collection", func(c *gen.Collection) bool { return !own("collections", c.ID) || !own("users", c.UserID) })
	none(t, w.items, "item", func(i *gen.CollectionItem) bool {
		return !own("collections", i.CollectionID) || !own("media_files", i.MediaID)
	})
	none(t, w.tags, "tag", func(tag *gen.Tag) bool { return !own("tags", tag.ID) })
	none(t, w.mediaTags, "media tag", func(mt *gen.MediaTag) bool { return !own("media_files", mt.MediaID) || !own("tags", mt.TagID) })
	none(t, w.comments, "comment", func(c *gen.Comment) bool {
		return !own("comments", c.ID) || !own("users", c.UserID) || !own("media_files", c.MediaID)
	})
	none(t, w.activity, "activity", func(a *gen.Activity) bool { return !own("user_activity", a.ID) || !own("users", a.UserID) })
	none(t, w.notes, "notification", func(n *gen.Notification) bool { return !own("notifications", n.ID) || !own("users", n.UserID) })

	taken := map[string]bool{}
	for _, u := range old.users {
		taken[string(u.Email)] = true
	}
	for _, tag := range old.tags {
		taken[string(tag.Name)] = true
	}
	none(t, w.users, "address of an earlier run", func(u *gen.User) bool { return taken[string(u.Email)] })
	none(t, w.tags, "name of an earlier run", func(tag *gen.Tag) bool { return taken[string(tag.Name)] })
	for i, c := range w.collections {
		if string(c.Name) == "Test Collection" {
			t.Errorf("collection %d is another test collection", i)
		}
	}
}

// The smallest and the strangest datasets that are valid can be made.
func TestOddProfiles(t *testing.T) {
	rows := func(change func(*profile.Profile)) *profile.Profile {
		p, err := profile.Load("smoke", nil)
		if err != nil {
			t.Fatal(err)
		}
		change(p)
		return p
	}
	appended := map[string]int64{}
	for _, table := range profile.Tables() {
		appended[table] = 1001
	}
	for name, p := range map[string]*profile.Profile{
		"users only":            profile.New("", profile.Rows{Users: 30}),
		"one file":              profile.New("", profile.Rows{Users: 30, MediaFiles: 1, Comments: 40}),
		"no tags":               rows(func(p *profile.Profile) { p.Rows.Tags, p.Rows.MediaTags = 0, 0 }),
		"every pair tagged":     rows(func(p *profile.Profile) { p.Rows.MediaTags = p.Rows.Tags * p.Rows.MediaFiles }),
		"collections full":      rows(func(p *profile.Profile) { p.Rows.CollectionItems = p.Rows.Collections * p.LargestCollection() }),
		"few public files":      rows(func(p *profile.Profile) { p.Weights.Public = 0.02; p.Rows.CollectionItems = 20 }),
		"nothing public":        rows(func(p *profile.Profile) { p.Weights.Public = 0; p.Rows.Collections, p.Rows.CollectionItems = 0, 0 }),
		"everything public":     rows(func(p *profile.Profile) { p.Weights.Public = 1 }),
		"nobody active":         rows(func(p *profile.Profile) { p.Weights.Active = 0 }),
		"everybody active":      rows(func(p *profile.Profile) { p.Weights.Active = 1 }),
		"one large user":        rows(func(p *profile.Profile) { p.Rows.Users = 30 }),
		"one kind of file":      rows(func(p *profile.Profile) { p.Weights.MIMETypes = map[string]float64{"application/pdf": 1} }),
		"more comments than us": rows(func(p *profile.Profile) { p.Rows.Comments = 20_000 }),
	} {
		for _, first := range []map[string]int64{nil, appended} {
			w := newWorld(open(t, p, gen.Options{Seed: 5, AsOf: asOf, FirstID: first}))
			type pair struct{ a, b int64 }
			pairs := map[pair]bool{}
			for _, i := range w.items {
				pairs[pair{i.CollectionID, i.MediaID}] = true
			}
			if len(pairs) != len(w.items) {
				t.Errorf("%s: %d of %d collection items are there twice", name, len(w.items)-len(pairs), len(w.items))
			}
			clear(pairs)
			for _, mt := range w.mediaTags {
				pairs[pair{mt.MediaID, mt.TagID}] = true
			}
			if len(pairs) != len(w.mediaTags) {
				t.Errorf("%s: %d of %d media tags are there twice", name, len(w.mediaTags)-len(pairs), len(w.mediaTags))
			}
			base := int64(1)
			if first != nil {
				base = 1001
			}
			none(t, w.items, name+": not visible", func(i *gen.CollectionItem) bool {
				m := w.media[i.MediaID-base]
				return !m.Public && m.UserID != w.collections[i.CollectionID-base].UserID
			})
			none(t, w.comments, name+": not there", func(c *gen.Comment) bool {
				return c.CreatedAt < w.media[c.MediaID-base].CreatedAt || c.CreatedAt < w.users[c.UserID-base].CreatedAt || c.CreatedAt > asOf.UnixMicro()
			})
		}
	}
}

// What is wrong with options, or with a profile for the rows that are always there, is said before a row is made.
func TestNewRefuses(t *testing.T) {
	good := gen.Options{Seed: 1, AsOf: asOf}
	with := func(change func(*gen.Options)) gen.Options {
		o := good
		change(&o)
		return o
	}
	smoke := func(overrides map[string]int64) *profile.Profile {
		p, err := profile.Load("smoke", overrides)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		name string
		p    *profile.Profile
		o    gen.Options
		want []string
	}{
		{"no time", smoke(nil), with(func(o *gen.Options) { o.AsOf = time.Time{} }), []string{"as-of time 0001-01-01T00:00:00Z"}},
		{"unknown table", smoke(nil), with(func(o *gen.Options) { o.FirstID = map[string]int64{"user": 5} }), []string{`"user": no such table`}},
		{"id 0", smoke(nil), with(func(o *gen.Options) { o.FirstID = map[string]int64{"users": 0} }), []string{"users: 0 is not a possible id"}},
		{"cheap hash", smoke(nil), with(func(o *gen.Options) { o.BcryptCost = 3 }), []string{"cost 3"}},
		{"dear hash", smoke(nil), with(func(o *gen.Options) { o.BcryptCost = 32 }), []string{"cost 32"}},
		{"too small", smoke(map[string]int64{"users": 29, "tags": 4, "collection_items": 0, "media_tags": 10}), good,
			[]string{"rows.users: 29 is too few", "rows.tags: 4 is too few", "rows.collection_items: 0 is too few"}},
		{"invalid", profile.New("bad", profile.Rows{Users: 10, Comments: 1}), good,
			[]string{"rows.comments: 1 rows refer to media_files", "rows.users: 10 is too few"}},
	} {
		_, err := gen.New(c.p, c.o)
		if err == nil {
			t.Errorf("%s: made a dataset", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\ndoes not say: %s", c.name, err, want)
			}
		}
		var problems profile.Problems
		if isProfile := strings.Contains(c.want[0], "rows."); errors.As(err, &problems) != isProfile {
			t.Errorf("%s: error %v is a list of problems: %v", c.name, err, !isProfile)
		}
	}
}

// Whoever knows the dataset can ask it for what a row belongs to and what belongs to a row, without looking at all rows.
func TestLookupsAgreeWithRows(t *testing.T) {
	d, _ := dataset(t, "ci")
	w := newWorld(d)
	media, collections, items := map[int64][]int64{}, map[int64][]int64{}, map[int64][]int64{}
	tags, comments := map[int64][]int64{}, map[int64][]int64{}
	for i, m := range w.media {
		media[m.UserID-1] = append(media[m.UserID-1], int64(i))
	}
	for i, c := range w.collections {
		collections[c.UserID-1] = append(collections[c.UserID-1], int64(i))
	}
	for _, i := range w.items {
		items[i.CollectionID-1] = append(items[i.CollectionID-1], i.MediaID-1)
	}
	for _, mt := range w.mediaTags {
		tags[mt.MediaID-1] = append(tags[mt.MediaID-1], mt.TagID-1)
	}
	for i, c := range w.comments {
		comments[c.MediaID-1] = append(comments[c.MediaID-1], int64(i))
	}
	check := func(what string, rows int, want map[int64][]int64, count func(int64) int64, nth func(i, n int64) int64) {
		t.Helper()
		for i := range int64(rows) {
			var got []int64
			for n := range count(i) {
				got = append(got, nth(i, n))
			}
			slices.Sort(got)
			slices.Sort(want[i])
			if !slices.Equal(got, want[i]) {
				t.Errorf("%s %d: %v, want %v", what, i, got, want[i])
				return
			}
		}
	}
	check("media of user", len(w.users), media, d.MediaCount, d.MediaOf)
	check("collections of user", len(w.users), collections, d.CollectionCount, d.CollectionOf)
	check("items of collection", len(w.collections), items, d.ItemCount, func(i, n int64) int64 { return d.ItemOf(i, n+1) })
	check("tags of file", len(w.media), tags, d.TagCount, d.TagOf)
	check("comments of file", len(w.media), comments, d.CommentCount, d.CommentOf)

	for user, files := range maps.All(media) {
		for n := range d.MediaCount(user) - 1 {
			if w.media[d.MediaOf(user, n)].CreatedAt > w.media[d.MediaOf(user, n+1)].CreatedAt {
				t.Errorf("user %d uploaded file %d of %d before the one before it", user, n+1, len(files))
			}
		}
	}
	public := map[int64]bool{}
	for place := range d.PublicMediaCount() {
		i := d.PopularMedia(place)
		if !w.media[i].Public || public[i] {
			t.Errorf("place %d: file %d is private or has two places", place, i)
		}
		public[i] = true
	}
}
