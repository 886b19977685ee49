// Package query is the language of MediaNest's advanced search: what a user writes is parsed into a tree, and
// the tree is compiled to SQL over the schema's tables or evaluated in Go.
//
// Nothing of a query gets into the SQL but through the allow-list of fields and as parameters. Parse bounds the
// length, depth, number of terms and cost of queries, each by a constant of its own, and answers what it does
// not understand with an *Error that tells the place and what to write instead.
//
//	q, err := query.Parse(`filename:*.jpg AND size:>1MB`)
//	sql, args := q.Statement(query.Viewer{ID: 7}, time.Now(), query.Page{Limit: 20})
//
// # The language
//
// Grammar holds it as a text to show to users. Where it parts from Lucene:
//
//   - Terms side by side are joined by AND, and NOT binds tighter than AND, which binds tighter than OR, always.
//     A leading + is allowed and changes nothing.
//   - NOT needs no other term beside it. It takes files that lack the value too: NOT width:>100 has the songs.
//   - There are no scores: the newest files come first. Boosts, fuzzy terms and regular expressions are refused.
//   - A comparison with a day, month or year counts that as a whole, as Lucene's rounding does: > is after its
//     end, >= from its start, < before its start, <= until its end, and the plain value is within it.
//
// # Upper and lower case
//
// Texts are compared without case, by PostgreSQL's lower on both sides. In a UTF-8 database with a Unicode
// locale of the C library, as C.UTF-8, that maps every character by itself, as Match does; a test compares all
// characters. It is no full case folding: "STRASSE" does not find "straße". In a database with locale C only
// ASCII letters lose their case, and with an ICU locale a capital sigma at the end of a word becomes another
// letter than within. Accents count, and composed and decomposed characters differ.
//
// # Privacy
//
// A query is answered for a Viewer. Statement only finds files that are public or the viewer's own. A
// collection only counts where it is public or the viewer's own, so that nobody learns the names of other
// people's private collections, or what is in them, by searching. E-mail addresses can only be searched with
// AllowPersonal.
//
// # Speed
//
// A Statement's work is bounded whatever the query: by Page.Budget where nothing better than walking the files
// helps, and by what a driver may find. What is not bounded by a constant is the scan of a small table that
// comes with user.name, and with names of collections that start with a wildcard, and the reading of the
// trigram index for texts that are common. BenchmarkStatement has the worst that are known. Run statements
// with jit off, since the estimates of parts that never run may be high, and with a statement timeout.
package query

import _ "embed"

// Grammar describes the language to users, in plain text of up to 100 characters a line.
//
//go:embed grammar.txt
var Grammar string
