// Package pgcopy writes rows in the formats of PostgreSQL's COPY and sends them.
package pgcopy

// Encoder appends rows to a buffer in one of COPY's formats. A row is BeginRow, then one call for each
// column in the table's order, then EndRow. An Encoder keeps what it is given no longer than the call.
type Encoder interface {
	// BeginRow starts a row of n columns.
	BeginRow(n int)
	// Int64 appends a bigint.
	Int64(v int64)
	// Int32 appends an integer.
	Int32(v int32)
	// Bool appends a boolean.
	Bool(v bool)
	// Text appends a text; v is UTF-8 without NUL.
	Text(v []byte)
	// String appends a text; v is UTF-8 without NUL.
	String(v string)
	// JSON appends a jsonb; v is a valid JSON text, in the form in which PostgreSQL prints a jsonb (a space
	// after each colon and comma, keys ordered by length and then by bytes): only then does a checksum of
	// the rows sent equal that of the rows read back.
	JSON(v []byte)
	// Bytes appends a bytea.
	Bytes(v []byte)
	// Time appends a timestamptz given in microseconds since the Unix epoch, between the years 1 and 9999.
	Time(unixMicro int64)
	// Null appends NULL.
	Null()
	// EndRow ends the row.
	EndRow()
}
