package mockapi

import "strings"

// Bounds of texts in characters, for every way in which they may be written.
const (
	MaxFilename    = 255
	MaxTitle       = 500
	MaxDescription = 5000
	MaxMimeType    = 127
	MaxName        = 200 // of accounts and collections
	MaxMessage     = 2000
)

// IsPlainFilename tells whether a name is one of a file, without folders and control characters.
func IsPlainFilename(s string) bool {
	return s != "." && s != ".." && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '/' || r == '\\' || r == 0x7f })
}
