package main

import "testing"

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567", -5: "-5", -123: "-123", -1234: "-1,234", -123456: "-123,456",
	} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[float64]string{0: "0 B", 999: "999 B", 1500: "1.5 kB", 2.5e9: "2.5 GB", 7.1e12: "7.1 TB", 3e18: "3000.0 PB"} {
		if got := size(n); got != want {
			t.Errorf("size(%g) = %q, want %q", n, got, want)
		}
	}
}

// A password must not get out of the database URL, whatever form that has.
func TestWithoutPassword(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://me:secret@db.example:5433/nest?sslmode=disable":         "postgres://me@db.example:5433/nest",
		"host=db.example port=5433 user=me password=secret dbname=nest":     "postgres://me@db.example:5433/nest",
		"host=/var/run/postgresql user=me password=secret dbname=nest":      "postgres://me@/nest?host=%2Fvar%2Frun%2Fpostgresql&port=5432",
		"postgres://db.example/nest?user=me&password=secret&sslmode=prefer": "postgres://me@db.example:5432/nest",
		"postgres://me:secret@host:port/":                                   "unreadable database URL",
	} {
		if got := withoutPassword(dsn); got != want {
			t.Errorf("withoutPassword(%q) = %q, want %q", dsn, got, want)
		}
	}
}
