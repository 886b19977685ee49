package mockapi

import "strings"

// Bounds of texts in characters, for every way in which they may be written.
const (
	MaxFilename    = 255
	MaxTitle       = 500
	MaxDescription = 5000
	MaxMimeType    = 127
	MaxName        = 200 // of accounts and collections
	MaxTag         = 50
	MaxComment     = 5000
	MaxMessage     = 2000
)

// MaxNumber bounds sizes in bytes and views: it is the largest whole number that JavaScript can say exactly.
const MaxNumber = 1<<53 - 1

// Bounds of what one call may add.
const (
	MaxTags  = 50   // to a file
	MaxItems = 1000 // to a collection
)

// IsPlainFilename tells whether a name is one of a file, without folders and control characters.
func IsPlainFilename(s string) bool {
	return s != "." && s != ".." && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '/' || r == '\\' || r == 0x7f })
}
