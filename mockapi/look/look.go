// Package look is what every page of the testbed looks like: one stylesheet, charts as inline SVG, and how figures
// are written with their units. The mock's dashboard and the load runner's reports both use it. It knows nothing
// of requests, results or servers, so that a report and the thing it reports on share no judgement.
//
// # A page
//
// A page puts [Stylesheet] into a style element, or serves it as a file, and uses plain elements, which need no
// classes: header, nav, main, section, h1 to h3, p, table with caption, thead and th scope, figure, dl, details,
// button. The classes are few:
//
//	skip         on the link that leads past the header to main
//	hidden       text for screen readers alone
//	cards        on a dl of figures: each div in it, with one dt and one dd or more, is a card
//	grid         lays figures, or sections of one kind, side by side where there is room
//	wide         on a child of grid that takes a whole row
//	scroll       around a table that may be wider than a phone; give it tabindex="0" and an aria-label
//	number       on th and td of figures: aligned to the right, digits of one width
//	pass, warn, fail, note   on a span or p: a verdict, coloured. Write the verdict in words too.
//	soft         text of less weight
//	plain        a ul without bullets
//	actions      around buttons that belong together
//	no-print     what paper can't use
//
// Light and dark follow prefers-color-scheme. Colours have the contrast that WCAG 2.2 AA asks for, which a test
// holds them to. No style attributes are used, so that a page may forbid them by its Content-Security-Policy.
//
// # Charts
//
// See [Chart] and its example. Charts take their colours, dashes and fonts from the stylesheet and are black boxes
// without it.
package look

import (
	_ "embed"
	"html/template"
)

//go:embed look.css
var stylesheet string

// Stylesheet returns the stylesheet, for a style element of an html/template or to be served as text/css.
func Stylesheet() template.CSS { return template.CSS(stylesheet) }
