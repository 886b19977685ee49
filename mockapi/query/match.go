package query

import (
	"strings"
	"time"
	"unicode"
)

// Viewer is for whom a query is answered.
type Viewer struct {
	// ID is the viewer's user id, 0 for an anonymous one.
	ID int64
	// All shows everybody's private files and collections: an administrator's wish.
	All bool
}

// Row is a media file with what belongs to it, for Match. Times are whole microseconds, as the database's are.
type Row struct {
	ID           int64
	UserID       int64
	Filename     string
	OriginalName string
	Title        string
	Description  *string
	MimeType     string
	Size         int64  // bytes
	Width        *int32 // pixels
	Height       *int32 // pixels
	Duration     *int32 // seconds
	ViewCount    int64
	IsPublic     bool
	CreatedAt    time.Time
	UpdatedAt    time.Time
	LastAccessed *time.Time

	OwnerRole  string
	OwnerName  string
	OwnerEmail string

	Tags        []string
	Collections []RowCollection
}

// RowCollection is a collection that a Row is in.
type RowCollection struct {
	ID       int64
	UserID   int64
	Name     string
	IsPublic bool
}

// Match tells whether a query holds for a row. It is the plain meaning of a query, by which the SQL is judged;
// like SQL it does not ask whether the viewer may see the row, but private collections of others are not there
// for it. Texts are folded with unicode.ToLower, character by character, which is what lower() does in a
// UTF-8 database with a Unicode locale such as C.UTF-8; see the package documentation for where they part.
func (q *Query) Match(v Viewer, now time.Time, r *Row) bool {
	return matcher{v, now, r}.node(q.root)
}

type matcher struct {
	viewer Viewer
	now    time.Time
	row    *Row
}

func (m matcher) node(n node) bool {
	switch n := n.(type) {
	case and:
		for _, x := range n {
			if !m.node(x) {
				return false
			}
		}
		return true
	case or:
		for _, x := range n {
			if m.node(x) {
				return true
			}
		}
		return false
	case not:
		return !m.node(n.x)
	case *leaf:
		return m.leaf(n)
	}
	return true // everything
}

func (m matcher) leaf(l *leaf) bool {
	f, t, r := l.field, l.test, m.row
	switch f.rel {
	case relText:
		p := t.(pattern)
		return p.within(r.Filename+" "+r.Title) || m.anyTag(p.match)
	case relOwner:
		return m.text(f, t, map[string]*string{"role": &r.OwnerRole, "name": &r.OwnerName, "email": &r.OwnerEmail}[f.column])
	case relTag:
		return m.anyTag(func(name string) bool { return m.text(f, t, &name) })
	case relCollection:
		for _, c := range r.Collections {
			if !m.viewer.All && !c.IsPublic && c.UserID != m.viewer.ID {
				continue
			}
			if f.column == "id" && m.number(t, &c.ID) || f.column == "name" && m.text(f, t, &c.Name) {
				return true
			}
		}
		return false
	}
	switch f.column {
	case "filename":
		return m.text(f, t, &r.Filename)
	case "original_name":
		return m.text(f, t, &r.OriginalName)
	case "title":
		return m.text(f, t, &r.Title)
	case "description":
		return m.text(f, t, r.Description)
	case "mime_type":
		return m.text(f, t, &r.MimeType)
	case "is_public":
		want, ok := t.(truth)
		return !ok || bool(want) == r.IsPublic
	case "created_at":
		return m.date(t, &r.CreatedAt)
	case "updated_at":
		return m.date(t, &r.UpdatedAt)
	case "last_accessed":
		return m.date(t, r.LastAccessed)
	case "width":
		return m.number(t, widen(r.Width))
	case "height":
		return m.number(t, widen(r.Height))
	case "duration":
		return m.number(t, widen(r.Duration))
	}
	return m.number(t, map[string]*int64{"id": &r.ID, "user_id": &r.UserID, "size": &r.Size, "view_count": &r.ViewCount}[f.column])
}

func (m matcher) anyTag(match func(string) bool) bool {
	for _, t := range m.row.Tags {
		if match(t) {
			return true
		}
	}
	return false
}

func widen(n *int32) *int64 {
	if n == nil {
		return nil
	}
	wide := int64(*n)
	return &wide
}

// number, date and text test a value that may be missing; a missing one passes no test, so NOT of any does.
func (m matcher) number(t test, v *int64) bool {
	iv, ok := t.(interval)
	switch {
	case v == nil || !ok:
		return v != nil
	case iv.lo != nil && (*v < iv.lo.num || *v == iv.lo.num && !iv.lo.inclusive):
		return false
	case iv.hi != nil && (*v > iv.hi.num || *v == iv.hi.num && !iv.hi.inclusive):
		return false
	}
	return true
}

func (m matcher) date(t test, v *time.Time) bool {
	iv, ok := t.(interval)
	if v == nil || !ok {
		return v != nil
	}
	from, until := iv.instants(m.now)
	return (from == nil || !v.Before(*from)) && (until == nil || v.Before(*until))
}

func (m matcher) text(f *field, t test, v *string) bool {
	p, ok := t.(pattern)
	if v == nil || !ok {
		return v != nil
	}
	lit, isLiteral := p.literal()
	switch {
	case f.kind == kindMIME && isLiteral && !strings.Contains(lit, "/"):
		s, half := fold(*v), fold(lit)
		return strings.HasPrefix(s, half+"/") || strings.HasSuffix(s, "/"+half)
	case f.kind == kindText && isLiteral:
		return p.within(*v)
	}
	return p.match(*v)
}

// fold makes texts comparable without case.
func fold(s string) string { return strings.Map(unicode.ToLower, s) }

// match tells whether the pattern describes the whole of a text.
func (p pattern) match(s string) bool {
	var elements []rune // negative: a wildcard
	for _, x := range p {
		if x.wild != 0 {
			elements = append(elements, -rune(x.wild))
		}
		elements = append(elements, []rune(fold(x.lit))...)
	}
	text := []rune(fold(s))
	// Greedy with one step back: only the last * can have to take more.
	i, j, star, mark := 0, 0, -1, 0
	for i < len(text) {
		switch {
		case j < len(elements) && (elements[j] == text[i] || elements[j] == -'?'):
			i, j = i+1, j+1
		case j < len(elements) && elements[j] == -'*':
			star, mark = j, i
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(elements) && elements[j] == -'*' {
		j++
	}
	return j == len(elements)
}

// within tells whether the pattern describes some part of a text.
func (p pattern) within(s string) bool {
	anywhere := append(pattern{{wild: '*'}}, p...)
	return append(anywhere, piece{wild: '*'}).match(s)
}
