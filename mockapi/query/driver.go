package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// driver is an index that finds every file a query can match without walking all files: one probe, or several
// whose answers are put together.
type driver struct {
	name   string // what it goes by, for Plan
	rank   rank
	probes []probe
}

// probe writes a SELECT of the ids of files, in a column named id and perhaps repeated. It must be lazy: who
// reads n rows of it must not pay for many more.
type probe func(*compiler) string

// rank orders drivers by how few files they usually find and how cheaply.
type rank int

const (
	rankID rank = iota
	rankEmail
	rankCollection
	// What ranks up to here is usually rare enough to be asked before anything else; what comes after is often
	// so common that the newest files hold a page of matches.
	rankSure      = rankCollection
	rankTag  rank = iota
	rankOwner
	rankNames
	rankNumber
	rankMIME
	rankPerson
	rankTexts // several terms together
	rankText
	rankScan
)

// maxDrivers is how many drivers a statement tries.
const maxDrivers = 3

// drivers returns the drivers of a query, best first.
func (q *Query) drivers() []driver {
	list := driversOf(q.root)
	if texts := textsOf(q.root); len(texts) > 1 {
		list = append(list, textDriver(texts))
	}
	slices.SortStableFunc(list, func(a, b driver) int { return cmp.Compare(a.rank, b.rank) })
	// Texts are worth one try: to find out that a text is common costs more than with the others.
	tried := 0
	list = slices.DeleteFunc(list, func(d driver) bool {
		if d.rank >= rankTexts {
			tried++
		}
		return tried > 1
	})
	return list[:min(len(list), maxDrivers)]
}

func driversOf(n node) []driver {
	switch n := n.(type) {
	case and:
		var list []driver
		for _, x := range n {
			list = append(list, driversOf(x)...)
		}
		return list
	case or:
		var all driver
		for _, x := range n {
			list := driversOf(x)
			if len(list) == 0 {
				return nil
			}
			all = all.join(slices.MinFunc(list, func(a, b driver) int { return cmp.Compare(a.rank, b.rank) }))
		}
		return []driver{all}
	case *leaf:
		return leafDrivers(n)
	}
	return nil
}

// join makes the driver of an OR.
func (d driver) join(other driver) driver {
	if d.name != "" {
		d.name += " + "
	}
	return driver{d.name + other.name, max(d.rank, other.rank), append(slices.Clip(d.probes), other.probes...)}
}

func leafDrivers(l *leaf) []driver {
	f, t := l.field, l.test
	one := func(r rank, p probe) []driver { return []driver{{f.name, r, []probe{p}}} }
	p, isPattern := t.(pattern)
	_, isLiteral := p.literal()
	isLiteral = isLiteral && isPattern
	iv, isInterval := t.(interval)
	switch {
	case len(literalRuns(l)) > 0:
		return []driver{textDriver([]*leaf{l})}
	case f.rel == relTag && isLiteral:
		return one(rankTag, tagProbe(p))
	case f.rel == relTag && isPattern:
		return one(rankNames, tagProbe(p))
	case f.rel == relCollection && (isLiteral || isInterval && iv.equal()):
		return one(rankCollection, collectionProbe(f, t))
	case f.rel == relCollection && isPattern && p[0].wild == 0:
		return one(rankNames, collectionProbe(f, t))
	case f.rel == relCollection && isPattern:
		return one(rankScan, collectionProbe(f, t))
	case f.name == "user.email" && isLiteral:
		return one(rankEmail, ownerProbe(f, t))
	case f.rel == relOwner && f.name != "user.role" && isPattern:
		return one(rankPerson, ownerProbe(f, t))
	case f.rel != relMedia:
		return nil
	case f.name == "id" && isInterval && iv.equal():
		return one(rankID, func(c *compiler) string {
			return "SELECT m.id FROM media_files m WHERE " + c.test("m.id", f, t)
		})
	case f.name == "user_id" && isInterval && iv.equal():
		return one(rankOwner, func(c *compiler) string {
			return "SELECT m.id FROM media_files m WHERE " + c.test("m.user_id", f, t)
		})
	case (f.name == "size" || f.name == "view_count") && isInterval:
		return one(rankNumber, func(c *compiler) string {
			return fmt.Sprintf("SELECT m.id FROM media_files m WHERE %s ORDER BY m.%s DESC, m.id DESC", c.test("m."+f.column, f, t), f.column)
		})
	case f.kind == kindMIME && isPattern:
		return one(rankMIME, mimeProbe(f, t))
	}
	return nil
}

// textsOf returns the tests that every match passes and that textDriver can use.
func textsOf(n node) []*leaf {
	switch n := n.(type) {
	case and:
		var list []*leaf
		for _, x := range n {
			if l, ok := x.(*leaf); ok {
				list = append(list, textsOf(l)...)
			}
		}
		return list
	case *leaf:
		if len(literalRuns(n)) > 0 {
			return []*leaf{n}
		}
	}
	return nil
}

// maxRuns is how many runs of letters a driver by text looks for.
const maxRuns = 6

// textDriver drives from the trigram index: by the runs of letters and digits that file name and title of every
// match contain, and by the tags that bare terms match as well.
//
// Only runs are looked for, not the patterns with all that is between: the trigrams of a run are next to never
// there without the run itself, so that a bounded number of ids takes a bounded number of rows. The trigrams of
// "jpg IMG" are in every JPEG's IMG_1.jpg, and PostgreSQL would read all of those to find none to have the text.
func textDriver(leaves []*leaf) driver {
	d := driver{rank: rankText}
	if len(leaves) > 1 {
		d.rank = rankTexts
	}
	var runs []string
	var tags []probe
	for _, l := range leaves {
		d = driver{name: strings.TrimPrefix(d.name+" & "+l.field.title(), " & "), rank: d.rank}
		runs = append(runs, literalRuns(l)...)
		if l.field == textField {
			tags = append(tags, tagProbe(l.test.(pattern)))
		}
	}
	slices.SortStableFunc(runs, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	runs = slices.Compact(runs)
	runs = runs[:min(len(runs), maxRuns)]
	d.probes = append(d.probes, func(c *compiler) string {
		conditions := make([]string, len(runs))
		for i, run := range runs {
			conditions[i] = mediaText + " ILIKE " + c.param("%"+run+"%", "text")
		}
		// Materialized, since under a plain LIMIT the planner may walk the table in the hope for early matches.
		return fmt.Sprintf("WITH texts AS MATERIALIZED (SELECT m.id FROM media_files m WHERE %s) SELECT id FROM texts",
			strings.Join(conditions, " AND "))
	})
	d.probes = append(d.probes, tags...)
	return d
}

// literalRuns returns the runs of three letters and digits or more that every match of a test has in its file
// name or title; a trigram index knows nothing shorter.
func literalRuns(l *leaf) []string {
	p, ok := l.test.(pattern)
	if !ok || l.field != textField && l.field.name != "filename" && l.field.name != "title" {
		return nil
	}
	var runs []string
	for _, x := range p {
		for _, run := range strings.FieldsFunc(x.lit, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if utf8.RuneCountInString(run) >= 3 {
				runs = append(runs, run)
			}
		}
	}
	return runs
}

func tagProbe(p pattern) probe {
	return func(c *compiler) string {
		where := c.test("t.name", tagField, p)
		if _, ok := p.literal(); ok {
			return fmt.Sprintf("SELECT mt.media_id AS id FROM media_tags mt WHERE mt.tag_id = (SELECT t.id FROM tags t WHERE %s)", where)
		}
		return "SELECT x.id FROM tags t CROSS JOIN LATERAL (SELECT mt.media_id AS id FROM media_tags mt WHERE mt.tag_id = t.id OFFSET 0) x WHERE " + where
	}
}

// collectionProbe relies on an index of lower(name) with text_pattern_ops.
func collectionProbe(f *field, t test) probe {
	return func(c *compiler) string {
		where := c.test("c."+f.column, f, t)
		if p, ok := t.(pattern); ok && len(p) > 1 && p[0].wild == 0 {
			// The range of the literal start, in the order of the index. LIKE would only become that for a
			// pattern that the planner knows.
			prefix := c.param(p[0].lit, "text")
			where += fmt.Sprintf(" AND lower(c.name) ~>=~ (SELECT lower(%s)) AND lower(c.name) ~<=~ (SELECT lower(%s) || repeat(chr(1114111), 8))", prefix, prefix)
		}
		return fmt.Sprintf("SELECT x.id FROM collections c CROSS JOIN LATERAL (SELECT ci.media_id AS id FROM collection_items ci WHERE ci.collection_id = c.id OFFSET 0) x WHERE %s AND %s",
			where, c.visible("c"))
	}
}

func ownerProbe(f *field, t test) probe {
	return func(c *compiler) string {
		return "SELECT x.id FROM users u CROSS JOIN LATERAL (SELECT m.id FROM media_files m WHERE m.user_id = u.id OFFSET 0) x WHERE " +
			c.test("u."+f.column, f, t)
	}
}

// mimeProbe hops through the index from one MIME type to the next, there being few of them, and reads the
// files of those that fit.
func mimeProbe(f *field, t test) probe {
	return func(c *compiler) string {
		return strings.Join([]string{
			"WITH RECURSIVE kinds(kind) AS ((SELECT m.mime_type FROM media_files m ORDER BY m.mime_type LIMIT 1)",
			"UNION ALL SELECT (SELECT m.mime_type FROM media_files m WHERE m.mime_type > k.kind ORDER BY m.mime_type LIMIT 1)",
			"FROM kinds k WHERE k.kind IS NOT NULL)",
			"SELECT x.id FROM kinds k CROSS JOIN LATERAL (SELECT m.id FROM media_files m WHERE m.mime_type = k.kind OFFSET 0) x WHERE",
			"(" + c.test("k.kind", f, t) + ")",
		}, " ")
	}
}
