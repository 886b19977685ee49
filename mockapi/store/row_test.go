package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/medianest/testbed/mockapi"
)

// encodedMedia is a row of mediaColumns as it comes over the wire.
func encodedMedia(tb testing.TB, n int64) ([]pgconn.FieldDescription, [][]byte) {
	tb.Helper()
	types := pgtype.NewMap()
	var fields []pgconn.FieldDescription
	var columns [][]byte
	put := func(oid uint32, v any) {
		b, err := types.Encode(oid, pgx.BinaryFormatCode, v, []byte{})
		if err != nil {
			tb.Fatal(err)
		}
		fields = append(fields, pgconn.FieldDescription{DataTypeOID: oid, Format: pgx.BinaryFormatCode})
		columns = append(columns, b)
	}
	at := time.Date(2025, 1, 2, 3, 4, 5, 6000, time.UTC)
	put(pgtype.Int8OID, n)
	put(pgtype.Int8OID, int64(5))
	put(pgtype.TextOID, fmt.Sprintf("IMG_%08d.jpg", n))
	put(pgtype.TextOID, fmt.Sprintf("holiday-%d.jpg", n))
	put(pgtype.TextOID, fmt.Sprintf("Sunset over harbour %d", n))
	put(pgtype.TextOID, "We stayed until it got dark.")
	put(pgtype.TextOID, "image/jpeg")
	put(pgtype.Int8OID, int64(1234567))
	put(pgtype.Int4OID, int32(1920))
	put(pgtype.Int4OID, int32(1080))
	put(pgtype.Int4OID, nil)
	put(pgtype.Int8OID, int64(99))
	put(pgtype.BoolOID, true)
	put(pgtype.ByteaOID, nil)
	put(pgtype.TimestamptzOID, at)
	put(pgtype.TimestamptzOID, at.Add(time.Hour))
	put(pgtype.TimestamptzOID, nil)
	return fields, columns
}

func TestScanMediaAgreesWithPgx(t *testing.T) {
	var r row
	var before mockapi.Media
	for n := range int64(200) { // past the first texts, and the next
		fields, columns := encodedMedia(t, n)
		var got, want mockapi.Media
		r.reset(columns)
		scanMedia(&r, &got, &before)
		if err := r.finish(); err != nil {
			t.Fatal(err)
		}
		if err := pgx.ScanRow(pgtype.NewMap(), fields, columns, mediaFields(&want)...); err != nil {
			t.Fatal(err)
		}
		// pgx gives local times, which are the same instants.
		want.CreatedAt, want.UpdatedAt = want.CreatedAt.UTC(), want.UpdatedAt.UTC()
		if *got.Description != *want.Description || *got.Width != *want.Width || *got.Height != *want.Height {
			t.Fatalf("row %d: %+v, pgx reads %+v", n, got, want)
		}
		got.Description, got.Width, got.Height = want.Description, want.Width, want.Height
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("row %d:\n%+v, pgx reads\n%+v", n, got, want)
		}
		for i := range columns {
			clear(columns[i]) // the driver's buffer is used again
		}
		if got.Title != fmt.Sprintf("Sunset over harbour %d", n) {
			t.Fatalf("row %d: title %q has changed with the buffer", n, got.Title)
		}
		before = got
	}
}

func mediaFields(m *mockapi.Media) []any {
	return []any{
		&m.ID, &m.UserID, &m.Filename, &m.OriginalName, &m.Title, &m.Description, &m.MimeType, &m.Size, &m.Width, &m.Height, &m.Duration,
		&m.ViewCount, &m.IsPublic, &m.SHA256, &m.CreatedAt, &m.UpdatedAt, &m.LastAccessed,
	}
}

// BenchmarkScan reads a page of 20 media files.
func BenchmarkScan(b *testing.B) {
	fields, columns := encodedMedia(b, 7)
	page := make([]mockapi.Media, 20)
	b.Run("row", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r row
			for i := range page {
				r.reset(columns)
				scanMedia(&r, &page[i], &page[max(i-1, 0)])
				if err := r.finish(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("pgx", func(b *testing.B) {
		b.ReportAllocs()
		types := pgtype.NewMap()
		for b.Loop() {
			for i := range page {
				if err := pgx.ScanRow(types, fields, columns, mediaFields(&page[i])...); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
