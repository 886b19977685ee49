// Package dist divides rows among things exactly and can be asked about any single row: which owner has
// item i, which items does owner o have, where does a shuffle put row i. Nothing here holds a list whose
// length grows with the number of rows.
//
// Whatever is decided per row uses integer arithmetic alone. Floating point numbers appear only while tables
// are prepared, in additions, multiplications, divisions and square roots that IEEE 754 defines to the bit,
// each product rounded explicitly so that no compiler may fuse it with an addition. The results are therefore
// the same on every processor that Go supports.
package dist
