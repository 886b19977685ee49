package pgcopy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema/schematest"
	"github.com/medianest/testbed/seed/pgcopy"
)

const nastyColumns = "(id bigint, a text, b text, n integer, ok boolean, data bytea, doc jsonb, at timestamptz)"

func connect(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), schematest.NewEmpty(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func exec(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// checksum reads a table back.
func checksum(t *testing.T, conn *pgx.Conn, table string) (rows int64, sum uint64) {
	t.Helper()
	var s pgcopy.Summer
	if _, err := conn.PgConn().CopyTo(t.Context(), &s, "COPY "+table+" TO STDOUT (FORMAT binary)"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s.Rows(), s.Checksum()
}

func TestNastyRowsArriveInBothFormats(t *testing.T) {
	const rows = 500
	conn := connect(t)
	exec(t, conn, "CREATE TABLE bin "+nastyColumns)
	exec(t, conn, "CREATE TABLE csv "+nastyColumns)
	sent, err := pgcopy.NewSink(conn.PgConn()).Copy(t.Context(), "COPY bin FROM STDIN (FORMAT binary)", nastyRow, 0, rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text pgcopy.CSV
	for i := range int64(rows) {
		nastyRow(&text, i)
	}
	if _, err := conn.PgConn().CopyFrom(t.Context(), bytes.NewReader(text.Swap(nil)), "COPY csv FROM STDIN (FORMAT csv)"); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"bin", "csv"} {
		n, sum := checksum(t, conn, table)
		if n != rows || sum != sent.Checksum {
			t.Errorf("%s: read back %d rows, checksum %x; sent %d, %x", table, n, sum, sent.Rows, sent.Checksum)
		}
	}
	// That both agree would also be the case if both were wrong in the same way.
	got, err := conn.Query(t.Context(), "SELECT a, at FROM bin ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	var a string
	var at time.Time
	if _, err := pgx.ForEachRow(got, []any{&a, &at}, func() error {
		if want := nasty[i%len(nasty)]; a != want {
			t.Errorf("row %d is %q, want %q", i, a, want)
		}
		if i == 1 && at.UnixMicro() != 86_400_000_000*365+7_654_321 {
			t.Errorf("row 1 is of %s", at)
		}
		i++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestSinkSendsManyBlocks(t *testing.T) {
	conn := connect(t)
	exec(t, conn, "CREATE TABLE big (id bigint, body text)")
	sink := pgcopy.NewSink(conn.PgConn())
	// Rows of all lengths around that of a block, so that blocks end everywhere, and one that is longer.
	body := strings.Repeat("0123456789abcdef", 20_000)
	row := func(e pgcopy.Encoder, i int64) {
		e.BeginRow(2)
		e.Int64(i)
		e.String(body[:i*i%int64(len(body))])
		e.EndRow()
	}
	var sum uint64
	var rows int64
	for _, n := range []int64{0, 1, 700, 3} {
		var told, bytes atomic.Int64
		sent, err := sink.Copy(t.Context(), "COPY big FROM STDIN (FORMAT binary)", row, rows, n, func(r, b int64) { told.Add(r); bytes.Add(b) })
		if err != nil {
			t.Fatalf("%d rows: %v", n, err)
		}
		if sent.Rows != n || told.Load() != n || bytes.Load() != sent.Bytes {
			t.Errorf("sent %+v, told of %d rows and %d bytes; want %d rows", sent, told.Load(), bytes.Load(), n)
		}
		sum += sent.Checksum
		rows += n
	}
	if n, got := checksum(t, conn, "big"); n != rows || got != sum {
		t.Errorf("read back %d rows, checksum %x; sent %d, %x", n, got, rows, sum)
	}
}

func TestSinkSurvivesRefusal(t *testing.T) {
	conn := connect(t)
	exec(t, conn, "CREATE TABLE small (id bigint PRIMARY KEY)")
	sink := pgcopy.NewSink(conn.PgConn())
	row := func(e pgcopy.Encoder, i int64) {
		e.BeginRow(1)
		e.Int64(i % 100_000)
		e.EndRow()
	}
	_, err := sink.Copy(t.Context(), "COPY small FROM STDIN (FORMAT binary)", row, 0, 1_000_000, nil)
	if err == nil || !strings.Contains(err.Error(), "small_pkey") {
		t.Errorf("error is %v, want that of the key", err)
	}
	if sent, err := sink.Copy(t.Context(), "COPY small FROM STDIN (FORMAT binary)", row, 0, 100, nil); err != nil || sent.Rows != 100 {
		t.Errorf("after the refusal: %+v, %v", sent, err)
	}
}

func TestSinkIsCancelled(t *testing.T) {
	conn := connect(t)
	exec(t, conn, "CREATE TABLE small (id bigint)")
	ctx, cancel := context.WithCancel(t.Context())
	row := func(e pgcopy.Encoder, i int64) {
		if i == 300_000 {
			cancel()
		}
		e.BeginRow(1)
		e.Int64(i)
		e.EndRow()
	}
	if _, err := pgcopy.NewSink(conn.PgConn()).Copy(ctx, "COPY small FROM STDIN (FORMAT binary)", row, 0, 1<<40, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want context.Canceled", err)
	}
}

// The benchmarks compare ways of sending the same rows into an empty table, each with its key added in the
// same transaction: the limit, which is a recording of the bytes replayed; the sink, which makes them; and
// pgx's own CopyFrom with a slice of values for each row.

const mediaLike = `CREATE TABLE m (id bigint, user_id bigint, filename text, original_name text, title text, description text,
	mime_type text, size bigint, width integer, height integer, duration integer, view_count bigint, is_public boolean,
	sha256 bytea, created_at timestamptz, updated_at timestamptz, last_accessed timestamptz)`

const benchRows = 200_000

// benchCopy measures copying benchRows rows, again and again.
func benchCopy(b *testing.B, copyRows func(ctx context.Context, tx pgx.Tx) error) {
	conn := connect(b)
	exec(b, conn, mediaLike)
	b.ReportAllocs()
	for b.Loop() {
		err := pgx.BeginFunc(b.Context(), conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(b.Context(), "ALTER TABLE m DROP CONSTRAINT IF EXISTS m_pkey; TRUNCATE m"); err != nil {
				return err
			}
			if err := copyRows(b.Context(), tx); err != nil {
				return err
			}
			_, err := tx.Exec(b.Context(), "ALTER TABLE m ADD CONSTRAINT m_pkey PRIMARY KEY (id)")
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds()/1000, "krows/s")
}

func BenchmarkCopyReplay(b *testing.B) {
	var enc pgcopy.Binary
	enc.Swap(pgcopy.AppendBinaryHeader(nil))
	for i := range int64(benchRows) {
		mediaLikeRow(&enc, i)
	}
	data := pgcopy.AppendBinaryTrailer(enc.Swap(nil))
	benchCopy(b, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Conn().PgConn().CopyFrom(ctx, onlyReader{bytes.NewReader(data)}, "COPY m FROM STDIN (FORMAT binary, FREEZE)")
		return err
	})
}

type onlyReader struct{ io.Reader }

func BenchmarkCopySink(b *testing.B) {
	benchCopy(b, func(ctx context.Context, tx pgx.Tx) error {
		_, err := pgcopy.NewSink(tx.Conn().PgConn()).Copy(ctx, "COPY m FROM STDIN (FORMAT binary, FREEZE)", mediaLikeRow, 0, benchRows, nil)
		return err
	})
}

func BenchmarkCopyPgxValues(b *testing.B) {
	columns := []string{"id", "user_id", "filename", "original_name", "title", "description", "mime_type", "size", "width", "height",
		"duration", "view_count", "is_public", "sha256", "created_at", "updated_at", "last_accessed"}
	at := time.UnixMicro(1_700_000_000_000_000)
	benchCopy(b, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"m"}, columns, pgx.CopyFromSlice(benchRows, func(i int) ([]any, error) {
			return []any{int64(i + 1), int64(i%50_000 + 1), "IMG_12345678.jpg", "Summer holiday at the lake (12).jpg", "Summer holiday at the lake",
				"The whole family by the water on the last warm day of the year, before the rain came.", "image/jpeg",
				int64(i * 7919 % 10_000_000), int32(4032), int32(3024), nil, int64(i % 1000), i%4 != 0, nil, at, at, nil}, nil
		}))
		return err
	})
}
