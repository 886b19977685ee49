package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/store"
)

// The benchmarks need a seeded database, which they leave as they find it, but for BenchmarkInsert:
//
//	seed --profile volume --database-url "$URL"
//	MEDIANEST_BENCH_DATABASE_URL=$URL go test ./mockapi/store -run '^$' -bench . -cpu 2
//
// Eight callers share the pool, as eight clients of pgbench -M prepared -c 8 -j 2 would; the last figure,
// calls/s, is for comparing with its tps.
const benchVariable = "MEDIANEST_BENCH_DATABASE_URL"

type benchStore struct {
	*store.Store
	users, media int64 // the last ids
}

func openBench(b *testing.B, o store.Options) *benchStore {
	b.Helper()
	dsn := os.Getenv(benchVariable)
	if dsn == "" {
		b.Skip(benchVariable + " names no seeded database")
	}
	s := &benchStore{Store: open(b, dsn, o)}
	conn, err := pgx.Connect(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	err = conn.QueryRow(b.Context(), "SELECT (SELECT max(id) FROM users), (SELECT max(id) FROM media_files)").Scan(&s.users, &s.media)
	if err != nil {
		b.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		p, err := s.ListMedia(b.Context(), mockapi.Viewer{}, mockapi.MediaQuery{})
		if err != nil || time.Now().After(deadline) {
			b.Fatalf("totals were not counted in time: %v", err)
		}
		if p.TotalKind != mockapi.TotalAtLeast {
			return s
		}
	}
}

// run calls f from eight goroutines, with -cpu 2.
func (s *benchStore) run(b *testing.B, f func(ctx context.Context, n uint64) error) {
	b.Helper()
	s.runBy(b, 4, f)
}

// runBy calls f from so many goroutines a processor.
func (s *benchStore) runBy(b *testing.B, callers int, f func(ctx context.Context, n uint64) error) {
	b.Helper()
	b.ReportAllocs()
	b.SetParallelism(callers)
	var calls atomic.Uint64
	ctx := b.Context()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := f(ctx, calls.Add(1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(calls.Load())/b.Elapsed().Seconds(), "calls/s")
}

func (s *benchStore) viewer() mockapi.Viewer {
	return mockapi.Viewer{UserID: 1 + rand.Int64N(s.users), Role: mockapi.RoleUser}
}

func BenchmarkMediaByID(b *testing.B) {
	s := openBench(b, store.Options{})
	for _, callers := range []int{1, 4, 25, 500} {
		b.Run(fmt.Sprint("callers=", 2*callers), func(b *testing.B) {
			s.runBy(b, callers, func(ctx context.Context, _ uint64) error {
				_, err := s.Media(ctx, mockapi.Viewer{Role: mockapi.RoleAdmin}, 1+rand.Int64N(s.media))
				if mockapi.CodeOf(err) == mockapi.CodeNotFound { // deleted by somebody
					err = nil
				}
				return err
			})
		})
	}
}

func BenchmarkNewest20(b *testing.B) {
	s := openBench(b, store.Options{})
	s.run(b, func(ctx context.Context, _ uint64) error {
		_, err := s.ListMedia(ctx, s.viewer(), mockapi.MediaQuery{})
		return err
	})
}

func BenchmarkPages(b *testing.B) {
	s := openBench(b, store.Options{})
	b.Run("cursor", func(b *testing.B) {
		var next atomic.Value
		next.Store("")
		s.run(b, func(ctx context.Context, n uint64) error {
			p, err := s.ListMedia(ctx, s.viewer(), mockapi.MediaQuery{PageRequest: mockapi.PageRequest{Cursor: next.Load().(string)}})
			next.Store(p.NextCursor)
			return err
		})
	})
	for _, page := range []int{10, 501} {
		b.Run(fmt.Sprint("number=", page), func(b *testing.B) {
			s.run(b, func(ctx context.Context, _ uint64) error {
				_, err := s.ListMedia(ctx, s.viewer(), mockapi.MediaQuery{PageRequest: mockapi.PageRequest{Page: page}})
				return err
			})
		})
	}
}

func BenchmarkLoginLookup(b *testing.B) {
	s := openBench(b, store.Options{})
	emails := make([]string, 1000)
	for i := range emails {
		u, err := s.User(b.Context(), 1+rand.Int64N(s.users))
		if err != nil {
			b.Fatal(err)
		}
		emails[i] = u.Email
	}
	s.run(b, func(ctx context.Context, n uint64) error {
		_, err := s.CredentialsByEmail(ctx, emails[n%1000])
		return err
	})
}

// BenchmarkInsert adds files and deletes them again when the time has been taken.
func BenchmarkInsert(b *testing.B) {
	for name, sync := range map[string]bool{"async commit": false, "sync commit": true} {
		b.Run(name, func(b *testing.B) {
			s := openBench(b, store.Options{SyncCommit: sync})
			before := s.media
			s.run(b, func(ctx context.Context, n uint64) error {
				_, err := s.CreateMedia(ctx, s.viewer(), mockapi.NewMedia{
					Filename: "IMG_99999999.jpg", OriginalName: "IMG_99999999.jpg", Title: "Benchmark upload", MimeType: "image/jpeg", Size: 5_000_000, IsPublic: true,
				})
				return err
			})
			b.StopTimer()
			conn, err := pgx.Connect(b.Context(), os.Getenv(benchVariable))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close(context.Background())
			if _, err := conn.Exec(b.Context(), "DELETE FROM media_files WHERE id > $1 AND title = 'Benchmark upload'", before); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkSearch(b *testing.B) {
	s := openBench(b, store.Options{})
	for _, text := range []string{"photo", "video", "document", "image", "test", "report", "83583851", "qqxyz", "cat recipe", "photo video", "at", "zq"} {
		b.Run(text, func(b *testing.B) {
			s.run(b, func(ctx context.Context, _ uint64) error {
				_, err := s.SearchMedia(ctx, s.viewer(), text, mockapi.PageRequest{})
				return err
			})
		})
	}
}

func BenchmarkFilters(b *testing.B) {
	s := openBench(b, store.Options{})
	conn, err := pgx.Connect(b.Context(), os.Getenv(benchVariable))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	tag := func(rank int) (name string) {
		const q = `SELECT name FROM tags JOIN (SELECT tag_id, count(*) AS files FROM media_tags GROUP BY tag_id) t ON id = tag_id ORDER BY files DESC OFFSET $1 LIMIT 1`
		if err := conn.QueryRow(b.Context(), q, rank).Scan(&name); err != nil {
			b.Fatal(err)
		}
		return name
	}
	busiest := func(column, table string) (id int64) {
		q := "SELECT " + column + " FROM " + table + " GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
		if err := conn.QueryRow(b.Context(), q).Scan(&id); err != nil {
			b.Fatal(err)
		}
		return id
	}
	owner, collection := busiest("user_id", "media_files"), busiest("collection_id", "collection_items JOIN collections c ON c.id = collection_id AND c.is_public")
	for _, c := range []struct {
		name  string
		query mockapi.MediaQuery
	}{
		{"own", mockapi.MediaQuery{OwnerID: 17}},
		{"own private", mockapi.MediaQuery{OwnerID: 17, Public: new(bool)}},
		{"busiest owner", mockapi.MediaQuery{OwnerID: owner}},
		{"commonest tag", mockapi.MediaQuery{Tag: tag(0)}},
		{"10th tag", mockapi.MediaQuery{Tag: tag(9)}},
		{"100th tag", mockapi.MediaQuery{Tag: tag(99)}},
		{"1000th tag", mockapi.MediaQuery{Tag: tag(999)}},
		{"rarest tag", mockapi.MediaQuery{Tag: tag(1999)}},
		{"tag document", mockapi.MediaQuery{Tag: "document"}},
		{"tag and type", mockapi.MediaQuery{Tag: "document", Type: "application"}},
		{"tag of other type", mockapi.MediaQuery{Tag: "document", Type: "video"}},
		{"collection", mockapi.MediaQuery{CollectionID: 77}},
		{"largest collection", mockapi.MediaQuery{CollectionID: collection}},
		{"image", mockapi.MediaQuery{Type: "image"}},
		{"application", mockapi.MediaQuery{Type: "application"}},
		{"image jpeg", mockapi.MediaQuery{Type: "image/jpeg"}},
		{"no such type", mockapi.MediaQuery{Type: "audio"}},
		{"sizes", mockapi.MediaQuery{MinSize: 1_000_000, MaxSize: 2_000_000}},
		{"narrow sizes", mockapi.MediaQuery{MinSize: 1_000_000, MaxSize: 1_000_100}},
		{"of 2024", mockapi.MediaQuery{CreatedAfter: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), CreatedBefore: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{"largest", mockapi.MediaQuery{Sort: mockapi.SortLargest}},
		{"most viewed", mockapi.MediaQuery{Sort: mockapi.SortMostViewed}},
		{"largest application", mockapi.MediaQuery{Sort: mockapi.SortLargest, Type: "application"}},
		{"smallest video", mockapi.MediaQuery{Sort: mockapi.SortSmallest, Type: "video"}},
		{"most viewed tag", mockapi.MediaQuery{Sort: mockapi.SortMostViewed, Tag: tag(0)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			v := mockapi.Viewer{UserID: 17, Role: mockapi.RoleUser}
			s.run(b, func(ctx context.Context, _ uint64) error {
				_, err := s.ListMedia(ctx, v, c.query)
				return err
			})
		})
	}
}

func BenchmarkCollections(b *testing.B) {
	s := openBench(b, store.Options{})
	b.Run("newest", func(b *testing.B) {
		s.run(b, func(ctx context.Context, _ uint64) error {
			_, err := s.ListCollections(ctx, s.viewer(), mockapi.CollectionQuery{})
			return err
		})
	})
	b.Run("items", func(b *testing.B) {
		v := mockapi.Viewer{UserID: 1, Role: mockapi.RoleAdmin}
		s.run(b, func(ctx context.Context, n uint64) error {
			_, err := s.CollectionItems(ctx, v, 1+int64(n%1000), mockapi.PageRequest{})
			return err
		})
	})
}

func BenchmarkTagsOfMedia(b *testing.B) {
	s := openBench(b, store.Options{})
	s.run(b, func(ctx context.Context, n uint64) error {
		_, err := s.MediaTags(ctx, mockapi.Viewer{Role: mockapi.RoleAdmin}, 1+int64(n%1000))
		return err
	})
}

func BenchmarkSessionNotRevoked(b *testing.B) {
	s := openBench(b, store.Options{})
	s.run(b, func(ctx context.Context, n uint64) error {
		_, err := s.SessionRevoked(ctx, [16]byte{byte(n), byte(n >> 8), byte(n >> 16)})
		return err
	})
}
