package gen_test

import (
	"runtime"
	"testing"

	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/ident"
	"github.com/medianest/testbed/seed/pgcopy"
	"github.com/medianest/testbed/seed/profile"
)

// Making rows allocates nothing once buffers have grown to the longest row.
func TestRowsAllocateNothing(t *testing.T) {
	d, _ := dataset(t, "ci")
	for _, table := range d.Tables() {
		var e pgcopy.Binary
		buf := make([]byte, 0, 1<<20)
		row := table.NewRowFunc()
		all := func() {
			for i := range min(500, table.Rows) {
				row(&e, i)
			}
			e.Swap(buf)
		}
		all()
		if n := testing.AllocsPerRun(3, all); n > 0 {
			t.Errorf("%s: %v allocations in 500 rows", table.Schema.Name, n)
		}
	}
}

// A dataset ten times as large takes no more memory, apart from a list of its tags.
func TestMemoryDoesNotGrowWithRows(t *testing.T) {
	size := func(users int64) int64 {
		p, err := profile.Load("huge", map[string]int64{"tags": 2000, "users": users, "media_files": 20 * users, "comments": 20 * users,
			"media_tags": 40 * users})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		d := open(t, p, gen.Options{Seed: 1, AsOf: asOf})
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(d)
		return int64(after.HeapAlloc) - int64(before.HeapAlloc)
	}
	size(5_000)
	small, large := size(50_000), size(500_000)
	if large > small*5/4+64<<10 || large > 2<<20 {
		t.Errorf("50,000 users take %d bytes, 500,000 take %d", small, large)
	}
}

// The largest dataset is as sound as the others, wherever one looks: what rows refer to is there, belongs
// together and is found in the other direction too.
func TestHugeInSamples(t *testing.T) {
	d, p := dataset(t, "huge")
	rows := p.Rows
	key := ident.Seed(9).Key("samples")
	// each calls check with a sample of n, its ends included.
	each := func(what string, n int64, check func(i int64) bool) {
		t.Helper()
		for s := range int64(3000) {
			i := ident.Below(key.Row(s).Col(0), n)
			switch s {
			case 0:
				i = 0
			case 1:
				i = n - 1
			}
			if !check(i) {
				t.Errorf("%s: row %d", what, i)
				return
			}
		}
	}
	var u gen.User
	var m gen.MediaFile
	var c gen.Collection
	within := func(id, n int64) bool { return id >= 1 && id <= n }

	each("media file", rows.MediaFiles, func(i int64) bool {
		d.MediaFile(i, &m)
		if !within(m.UserID, rows.Users) {
			return false
		}
		d.User(m.UserID-1, &u)
		n := d.MediaCount(m.UserID - 1)
		if n > 2000 {
			n = 0 // looked through only if short
		}
		found := n == 0
		for k := range n {
			found = found || d.MediaOf(m.UserID-1, k) == i
		}
		return found && m.CreatedAt >= u.CreatedAt && m.CreatedAt <= u.LastLoginAt
	})
	each("collection", rows.Collections, func(i int64) bool {
		d.Collection(i, &c)
		found := false
		for k := range d.CollectionCount(c.UserID - 1) {
			found = found || d.CollectionOf(c.UserID-1, k) == i
		}
		return found
	})
	var item gen.CollectionItem
	each("collection item", rows.CollectionItems, func(i int64) bool {
		d.CollectionItem(i, &item)
		if !within(item.CollectionID, rows.Collections) || !within(item.MediaID, rows.MediaFiles) {
			return false
		}
		d.Collection(item.CollectionID-1, &c)
		d.MediaFile(item.MediaID-1, &m)
		return d.ItemOf(item.CollectionID-1, int64(item.Position)) == item.MediaID-1 && (m.Public || m.UserID == c.UserID) &&
			item.AddedAt >= max(m.CreatedAt, c.CreatedAt)
	})
	var mt gen.MediaTag
	each("media tag", rows.MediaTags, func(i int64) bool {
		d.MediaTag(i, &mt)
		found := 0
		for k := range d.TagCount(mt.MediaID - 1) {
			if d.TagOf(mt.MediaID-1, k) == mt.TagID-1 {
				found++
			}
		}
		return found == 1 && within(mt.TagID, rows.Tags)
	})
	var cm gen.Comment
	each("comment", rows.Comments, func(i int64) bool {
		d.Comment(i, &cm)
		if !within(cm.MediaID, rows.MediaFiles) || !within(cm.UserID, rows.Users) {
			return false
		}
		d.MediaFile(cm.MediaID-1, &m)
		d.User(cm.UserID-1, &u)
		found := false
		for k := range d.CommentCount(cm.MediaID - 1) {
			found = found || d.CommentOf(cm.MediaID-1, k) == i
		}
		return found && cm.CreatedAt >= max(m.CreatedAt, u.CreatedAt) && cm.CreatedAt <= u.LastLoginAt && (m.Public || m.UserID == u.ID)
	})
	var a gen.Activity
	each("activity", rows.UserActivity, func(i int64) bool {
		d.Activity(i, &a)
		d.User(a.UserID-1, &u)
		return a.Timestamp >= u.CreatedAt && a.Timestamp <= u.LastLoginAt
	})
	var n gen.Notification
	each("notification", rows.Notifications, func(i int64) bool {
		d.Notification(i, &n)
		d.User(n.UserID-1, &u)
		return n.CreatedAt >= u.CreatedAt && n.CreatedAt <= asOf.UnixMicro()
	})
}
