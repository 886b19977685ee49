package query

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// kind is what the values of a field are and how they compare.
type kind int

const (
	kindKeyword kind = iota // a text that a value must equal or a pattern describe as a whole
	kindText                // a text that a value without wildcards may be anywhere in
	kindMIME                // a keyword; a value without a slash may be either half
	kindNumber
	kindSize     // bytes
	kindDuration // seconds
	kindDate
	kindBool
)

// relation is where a field lives, seen from a media file.
type relation int

const (
	relMedia relation = iota
	relOwner
	relTag
	relCollection
	relText // the bare term: file name and title, or a tag
)

// field is one entry of the allow-list: nothing else of a query reaches SQL but as a parameter.
type field struct {
	name     string   // canonical
	aliases  []string // further names
	kind     kind
	rel      relation
	column   string // of the relation's table
	nullable bool
	lower    bool // the database holds lower case only
	personal bool // only with AllowPersonal
	cost     int  // of testing one row, in the unit of Query.Cost
	wildCost int  // the same for a value with wildcards, where that is more
}

// textField is the field of bare terms.
var textField = &field{kind: kindText, rel: relText, cost: 12, wildCost: 30}

// tagField is the field that bare terms test as well.
var tagField = &field{name: "tags", aliases: []string{"tag", "tags.name"}, kind: kindKeyword, rel: relTag, column: "name", lower: true, cost: 8, wildCost: 25}

// title is the name of a field for people.
func (f *field) title() string {
	if f == textField {
		return "text"
	}
	return f.name
}

// fields is the allow-list. Names are compared without case and underscores, so view_count covers viewCount.
var fields = []*field{
	{name: "id", kind: kindNumber, column: "id", cost: 1},
	{name: "filename", aliases: []string{"file", "name"}, kind: kindKeyword, column: "filename", cost: 4},
	{name: "original_name", kind: kindKeyword, column: "original_name", cost: 4},
	{name: "title", kind: kindText, column: "title", cost: 4},
	{name: "description", kind: kindText, column: "description", nullable: true, cost: 5},
	{name: "mime_type", aliases: []string{"type", "mime"}, kind: kindMIME, column: "mime_type", cost: 5},
	{name: "size", kind: kindSize, column: "size", cost: 1},
	{name: "width", kind: kindNumber, column: "width", nullable: true, cost: 1},
	{name: "height", kind: kindNumber, column: "height", nullable: true, cost: 1},
	{name: "duration", kind: kindDuration, column: "duration", nullable: true, cost: 1},
	{name: "view_count", aliases: []string{"views"}, kind: kindNumber, column: "view_count", cost: 1},
	{name: "is_public", aliases: []string{"public"}, kind: kindBool, column: "is_public", cost: 1},
	{name: "created_at", aliases: []string{"created"}, kind: kindDate, column: "created_at", cost: 1},
	{name: "updated_at", aliases: []string{"updated"}, kind: kindDate, column: "updated_at", cost: 1},
	{name: "last_accessed", aliases: []string{"last_accessed_at", "accessed"}, kind: kindDate, column: "last_accessed", nullable: true, cost: 1},
	{name: "user_id", aliases: []string{"user.id", "owner_id"}, kind: kindNumber, column: "user_id", cost: 1},
	{name: "user.role", kind: kindKeyword, rel: relOwner, column: "role", lower: true, cost: 10},
	{name: "user.name", kind: kindKeyword, rel: relOwner, column: "name", cost: 15},
	{name: "user.email", kind: kindKeyword, rel: relOwner, column: "email", lower: true, personal: true, cost: 10},
	tagField,
	{name: "collections.name", aliases: []string{"collection", "collections", "collection.name"}, kind: kindKeyword, rel: relCollection, column: "name", cost: 25},
	{name: "collections.id", aliases: []string{"collection_id", "collection.id"}, kind: kindNumber, rel: relCollection, column: "id", cost: 20},
}

// fieldKey is the form in which field names are compared.
func fieldKey(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}

func findField(name string) *field {
	key := fieldKey(name)
	for _, f := range fields {
		if fieldKey(f.name) == key || slices.ContainsFunc(f.aliases, func(a string) bool { return fieldKey(a) == key }) {
			return f
		}
	}
	return nil
}

// fieldHint words what an unknown field may have been meant as.
func fieldHint(name string, personal bool) string {
	key, best, distance := fieldKey(name), "", 4
	for _, f := range fields {
		if f.personal && !personal {
			continue
		}
		for _, n := range append([]string{f.name}, f.aliases...) {
			k := fieldKey(n)
			d := levenshtein.ComputeDistance(key, k)
			if d < distance && d*2 < max(len(k), len(key)) {
				best, distance = n, d
			}
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s? To search for the text itself, quote it", best)
	}
	return "fields are " + strings.Join(fieldNames(personal), ", ") + "; to search for the text itself, quote it"
}

func fieldNames(personal bool) []string {
	var names []string
	for _, f := range fields {
		if !f.personal || personal {
			names = append(names, f.name)
		}
	}
	return names
}
