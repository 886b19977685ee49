package gen_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// tail describes how n things are spread over owners.
type tail struct {
	mean, topShare   float64
	most, median, no int64
}

func newTail(counts []int64) tail {
	counts = slices.Clone(counts)
	slices.SortFunc(counts, func(a, b int64) int { return int(b - a) })
	var all, top, no int64
	for i, n := range counts {
		all += n
		if i < len(counts)/100 {
			top += n
		}
		if n == 0 {
			no++
		}
	}
	return tail{float64(all) / float64(len(counts)), float64(top) / float64(all), counts[0], counts[len(counts)/2], no}
}

func (w *world) tails() map[string]tail {
	owned, collected := make([]int64, len(w.users)), make([]int64, len(w.users))
	views, comments, tagged := []int64{}, make([]int64, len(w.media)), make([]int64, len(w.media))
	sizes, popular := make([]int64, len(w.collections)), make([]int64, len(w.tags))
	authors, actors := make([]int64, len(w.users)), make([]int64, len(w.users))
	for _, m := range w.media {
		owned[m.UserID-1]++
		if m.Public {
			views = append(views, m.ViewCount)
		}
	}
	for _, c := range w.collections {
		collected[c.UserID-1]++
	}
	for _, i := range w.items {
		sizes[i.CollectionID-1]++
	}
	for _, mt := range w.mediaTags {
		tagged[mt.MediaID-1]++
		popular[mt.TagID-1]++
	}
	for _, c := range w.comments {
		comments[c.MediaID-1]++
		authors[c.UserID-1]++
	}
	for _, a := range w.activity {
		actors[a.UserID-1]++
	}
	return map[string]tail{
		"media of a user": newTail(owned), "collections of a user": newTail(collected), "views of a public file": newTail(views),
		"comments of a file": newTail(comments), "tags of a file": newTail(tagged), "files of a tag": newTail(popular),
		"items of a collection": newTail(sizes), "comments by a user": newTail(authors), "activity of a user": newTail(actors),
	}
}

// How unequally things are spread: the share of the first hundredth, and what the first, the one in the middle and how
// many have none.
func Example_tails() {
	w, err := dev()
	if err != nil {
		fmt.Println(err)
		return
	}
	tails := w.tails()
	fmt.Printf("%-22s %6s %7s %6s %6s %6s\n", "of dev", "mean", "top 1%", "most", "median", "none")
	for _, name := range []string{"media of a user", "collections of a user", "items of a collection", "views of a public file", "comments of a file",
		"comments by a user", "tags of a file", "files of a tag", "activity of a user"} {
		t := tails[name]
		fmt.Printf("%-22s %6.1f %6.0f%% %6d %6d %6d\n", name, t.mean, 100*t.topShare, t.most, t.median, t.no)
	}
	// Output:
	// of dev                   mean  top 1%   most median   none
	// media of a user          10.0     33%    559      2    981
	// collections of a user     1.0     15%     19      0   5617
	// items of a collection     8.0     15%    146      2     79
	// views of a public file   68.8     48%   9445      5   7587
	// comments of a file        1.0     51%    149      0  75190
	// comments by a user       10.0     13%    780      7    271
	// tags of a file            2.0      3%      6      2  27239
	// files of a tag          200.0     31%   8502     87      0
	// activity of a user        5.0     15%    113      2   1160
}

// Files with many views have many comments: the tenth of the public files with the most views has most of the
// comments, and the half with the fewest has few.
func TestViewsAndCommentsGoTogether(t *testing.T) {
	w := devWorld(t)
	var public []gen.MediaFile
	comments := make([]int, len(w.media)+1)
	for _, c := range w.comments {
		comments[c.MediaID]++
	}
	for _, m := range w.media {
		if m.Public {
			public = append(public, m)
		}
	}
	slices.SortFunc(public, func(a, b gen.MediaFile) int { return int(b.ViewCount - a.ViewCount) })
	var all, top, bottom int
	for i, m := range public {
		n := comments[m.ID]
		all += n
		switch {
		case i < len(public)/10:
			top += n
		case i >= len(public)/2:
			bottom += n
		}
	}
	if top*10 < all*7 || bottom*10 > all {
		t.Errorf("of %d comments the most viewed tenth of files has %d, the least viewed half %d", all, top, bottom)
	}
}

// What user 1 and the other fixed accounts own does not grow with the dataset: the suites change all files of user 1 in
// many transactions at once. No two of them own very different numbers of files.
func TestFixedAccountsOwnLittle(t *testing.T) {
	for name, want := range map[string]int64{"smoke": 3, "ci": 5, "dev": 10, "volume": 12, "huge": 12} {
		p, err := profile.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		d := open(t, p, gen.Options{Seed: 1, AsOf: asOf})
		for i, a := range d.Accounts() {
			if got := d.MediaCount(int64(i)); got != want {
				t.Errorf("%s: %s owns %d files, want %d", name, a.Email, got, want)
			}
			if got := d.CollectionCount(int64(i)); got > 13 {
				t.Errorf("%s: %s owns %d collections", name, a.Email, got)
			}
		}
	}
}
