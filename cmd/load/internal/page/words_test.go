package page

import (
	"strings"
	"testing"
)

func TestGistsOfStatementsDiffer(t *testing.T) {
	columns := strings.Repeat("column, ", 20)
	for query, want := range map[string]string{
		"SELECT " + columns + "last\n  FROM a WHERE id = $1":                  "SELECT … FROM a WHERE id = $1",
		"SELECT (SELECT count(*) FROM b WHERE x), " + columns + "last FROM a": "SELECT … FROM a",
		"SELECT id FROM (SELECT " + columns + "last FROM b) ORDER BY id":      "SELECT id FROM (SELECT … FROM b) ORDER B…",
		"SELECT id FROM a": "SELECT id FROM a",
		"INSERT INTO a (" + columns + "last) SELECT 1 FROM c":                                       "INSERT INTO a (column, column, column, c…",
		"SELECT " + columns + "last":                                                                "SELECT column, column, column, column, c…",
		"SELECT … FROM a WHERE name = 'this is much longer than there is room for in a row of it' ": "SELECT … FROM a WHERE name = 'this is mu…",
	} {
		if got := gist(41, query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}
