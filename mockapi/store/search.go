package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// A search finds the newest visible files in which every word occurs, as part of the file name or the title
// or as the name of a tag. There are two ways to find them, and the wrong one is a thousand times slower:
//
//   - Walk the newest files and keep what matches. A page of a common word is full after a few hundred.
//   - Ask the trigram index for all files with the word, and sort them. There are few of a rare word.
//
// Statistics can't tell them apart in time, a plan made for one word is used for the other, and PostgreSQL's
// guess for a word it does not know (one file in 200) suits neither. So a search begins with a short walk.
// Where that does not fill the page, the number of files it found says how common the word is, and whether
// a longer walk or the index comes next. See BenchmarkSearch.
const (
	firstWalk = 256    // files; the walk of a word in every tenth title ends with a full page of 20
	longWalk  = 20_000 // files, at most: 30 ms
	blindWalk = 10_000 // files, for words that the index does not know
	maxWords  = 8
	maxText   = 200 // bytes
)

// SearchMedia implements mockapi.MediaStore. Words without three ASCII letters or digits in a row are not in
// the trigram index: a text that has no other is looked for in the newest 10,000 visible files only.
func (s *Store) SearchMedia(ctx context.Context, v mockapi.Viewer, text string, p mockapi.PageRequest) (mockapi.Page[mockapi.Media], error) {
	var found mockapi.Page[mockapi.Media]
	w, err := newWindow(p, orderNewest)
	if err != nil {
		return found, err
	}
	words, err := searchWords(text)
	if err != nil {
		return found, err
	}
	q := search{viewer: v, words: words, window: w}
	err = s.read(ctx, "search media files", func(ctx context.Context, c *pgx.Conn) error {
		found, err = q.run(ctx, c, s.mediaCount())
		return err
	})
	return found, err
}

// mediaCount is how many media files there are, roughly.
func (s *Store) mediaCount() int64 {
	_, all, known := s.totals.media.get()
	if !known {
		return 1_000_000
	}
	return all
}

// searchWords splits a text at its spaces, in lower case, each word once.
func searchWords(text string) ([]string, error) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 0 {
		return nil, invalid("q", "must have a word to search for")
	}
	slices.Sort(words)
	words = slices.Compact(words)
	if len(words) > maxWords || len(text) > maxText {
		return nil, invalid("q", fmt.Sprintf("must have %d different words and %d bytes at most", maxWords, maxText))
	}
	return words, nil
}

// search is one search under way.
type search struct {
	viewer mockapi.Viewer
	words  []string
	window window
}

// run finds a page among rows files.
func (q *search) run(ctx context.Context, c *pgx.Conn, rows int64) (mockapi.Page[mockapi.Media], error) {
	enough := q.window.rows()
	walked := firstWalk + 4*q.window.offset
	items, err := q.walk(ctx, c, walked)
	if err != nil || len(items) == enough {
		return q.page(items), err
	}
	if !slices.ContainsFunc(q.words, indexed) {
		return q.blind(ctx, c)
	}
	// A step of a walk costs about what a file from the index does: 1.3 us.
	if len(items) > 0 {
		hits := q.window.offset + len(items)
		more := 2 * walked * (q.window.offset + enough) / hits // twice what it should take
		viaIndex := rows * int64(hits) / int64(walked)
		if more < longWalk && int64(more) < viaIndex {
			items, err := q.walk(ctx, c, more)
			if err != nil || len(items) == enough {
				return q.page(items), err
			}
		}
	}
	return q.lookUp(ctx, c)
}

// page makes a page of what a walk found. How much there is beyond, a walk does not know.
func (q *search) page(items []mockapi.Media) mockapi.Page[mockapi.Media] {
	p := page(items, q.window, placeNewest)
	p.Total, p.TotalKind = int64(q.window.offset+len(items)), mockapi.TotalAtLeast
	return p
}

func placeNewest(m *mockapi.Media) cursor { return newestCursor(m.CreatedAt, m.ID) }

// indexed tells whether the trigram index knows a word, in every locale.
func indexed(word string) bool {
	run := 0
	for _, b := range []byte(word) {
		if 'a' <= b && b <= 'z' || '0' <= b && b <= '9' {
			run++
		} else {
			run = 0
		}
		if run == 3 {
			return true
		}
	}
	return false
}
