package pgcopy_test

import (
	"fmt"
	"os"

	"github.com/medianest/testbed/seed/pgcopy"
)

// Rows go through the interface Encoder, so that one function serves all formats.
func Example() {
	row := func(e pgcopy.Encoder, i int64) {
		e.BeginRow(3)
		e.Int64(i)
		e.String(`say "hi"`)
		e.Null()
		e.EndRow()
	}

	var text pgcopy.CSV
	row(&text, 1)
	os.Stdout.Write(text.Swap(nil))

	var bin pgcopy.Binary
	bin.Swap(pgcopy.AppendBinaryHeader(nil))
	row(&bin, 1)
	data := pgcopy.AppendBinaryTrailer(bin.Swap(nil))

	// The checksum of rows sent is that of rows read back.
	var back pgcopy.Summer
	if _, err := back.Write(data); err != nil {
		fmt.Println(err)
	}
	fmt.Println(back.Rows(), back.Checksum() == bin.Checksum())
	// Output:
	// 1,"say ""hi""",
	// 1 true
}
