package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

const (
	maxWords = 8
	maxText  = 200 // bytes
	// blindWalk is how many of the newest files are searched for words that are not in the index.
	blindWalk = 10_000

	// mediaText is what the index media_files_text is on.
	mediaText = "(m.filename || ' ' || m.title)"
	// hasTag is the condition that a file has a tag. OFFSET 0 keeps PostgreSQL from first reading all files of
	// the tag into a hash table, of which there may be hundreds of thousands.
	hasTag = "EXISTS (SELECT FROM media_tags t WHERE t.media_id = m.id AND t.tag_id = $ OFFSET 0)"
)

// SearchMedia implements mockapi.MediaStore: a file is found where each word of the text is part of its file
// name or title, or where the whole text is the name of one of its tags, in any case of letters.
//
// The trigram index knows words by three ASCII letters or digits in a row. A text without such a word is looked
// for in the newest 10,000 visible files only, and among the tags.
func (s *Store) SearchMedia(ctx context.Context, v mockapi.Viewer, text string, p mockapi.PageRequest) (mockapi.Page[mockapi.Media], error) {
	var found mockapi.Page[mockapi.Media]
	order, _ := mediaOrderOf(mockapi.SortNewest)
	w, err := newWindow(p, order.letter)
	if err != nil {
		return found, err
	}
	words, err := searchWords(text)
	if err != nil {
		return found, err
	}
	err = s.read(ctx, "search media files", func(ctx context.Context, c *pgx.Conn) error {
		tag, err := tagNamed(ctx, c, strings.TrimSpace(text), 0)
		if err != nil {
			return err
		}
		l := searchListing(v, words, tag)
		l.order, l.window, l.hints = order, w, s.hints
		if found, err = l.find(ctx, c); err != nil {
			return err
		}
		return lookUpOwners(ctx, c, found.Items, ownerOfMedia)
	})
	return found, err
}

// searchListing makes the listing of a search for words and the tag of that name.
func searchListing(v mockapi.Viewer, words []string, tag tagInfo) listing {
	inText := condition{sql: strings.TrimSuffix(strings.Repeat(mediaText+" ILIKE $ AND ", len(words)), " AND ")}
	for _, word := range words {
		inText.values = append(inText.values, likePattern(word))
	}
	l := listing{passed: []condition{inText}}
	switch {
	case v.IsAdmin():
	case v.UserID == 0:
		l.seen = []condition{{sql: "is_public"}}
	default:
		l.viewer = v.UserID
	}
	l.all = append(slices.Clip(l.seen), inText)
	known := slices.ContainsFunc(words, indexed)
	if known && tag.id == 0 {
		return l
	}
	ids := condition{"SELECT m.id FROM media_files m WHERE " + inText.sql, inText.values}
	if !known {
		files := newestVisible(v, blindWalk)
		ids.sql = "SELECT m.id FROM (" + files.sql + ") AS m WHERE " + inText.sql
		ids.values = append(files.values, inText.values...)
	}
	if tag.id != 0 {
		l.passed = []condition{{"(" + inText.sql + " OR " + hasTag + ")", append(slices.Clip(inText.values), tag.id)}}
		ids.sql += " UNION SELECT media_id FROM media_tags WHERE tag_id = $"
		ids.values = append(slices.Clip(ids.values), tag.id)
	}
	l.all = append(slices.Clip(l.seen), condition{"m.id = ANY (ARRAY(" + ids.sql + "))", ids.values})
	return l
}

// newestVisible selects the newest files that a viewer sees, n of them, merged as listing.files does.
func newestVisible(v mockapi.Viewer, n int) condition {
	const from, limit = "SELECT * FROM media_files", newest + " LIMIT $"
	switch {
	case v.IsAdmin():
		return condition{from + limit, []any{n}}
	case v.UserID == 0:
		return condition{from + " WHERE is_public" + limit, []any{n}}
	}
	return condition{
		"SELECT * FROM ((" + from + " WHERE is_public" + limit + ") UNION ALL (" + from + " WHERE user_id = $ AND NOT is_public" + limit +
			")) AS m" + limit,
		[]any{n, v.UserID, n, n},
	}
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

// likePattern matches what contains word as it is written.
func likePattern(word string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(word) + "%"
}

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
