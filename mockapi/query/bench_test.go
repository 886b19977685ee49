package query_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi/query"
)

// documentQueries are those of the MediaNest performance-testing document.
var documentQueries = []string{
	`filename:*.jpg AND size:>1000000`,
	`created_at:>2024-01-01 AND user.role:admin`,
	`tags:photo OR tags:image`,
	`collections.name:"Test Collection"`,
}

// hardQueries look for what is rare, common, absent, or rare where two common things meet.
var hardQueries = []string{
	`sunset beach`,
	`tags:medical-budget`,
	`tags:hiring-invoice AND tags:photo`,
	`tags:photo AND tags:image AND tags:test`,
	`tags:photo AND tags:medical-budget AND user.role:admin`,
	`NOT tags:photo`,
	`NOT tags:* AND NOT collections:*`,
	`tags:nosuch`, `tags:*q`, `tags:t*`,
	`collections.name:Recipes`, `collections.name:"Black and*"`, `collections.name:*nosuch*`,
	`user_id:1`, `user_id:8082 AND tags:photo`, `public:false`,
	`user.role:nobody`, `user.name:"Ines Moreira"`, `user.name:nobody`,
	`size:>99990000`, `size:>1TB`, `views:>9000`, `width:<10`,
	`type:audio/*`, `type:video/avi`,
	`created_at:<2020`, `created_at:<2025-01-01`,
	`filename:nosuch*`, `title:nosuchword`, `nosuch`, `*qzx*`, `description:nosuchword`,
	`"jpg IMG"`, `filename:*img*zq*`, `filename:*jpg*img*`, `filename:*.jpg description:nosuchword`,
	`id:77 OR tags:medical-budget OR collections.name:Recipes`,
	`description:a?b?c?d?e?f`,
	strings.Repeat(`description:*a*b*c*d*e*f*q* `, 10),
	strings.Repeat(`NOT collections:*nosuch* `, 10) + `width:1`,
	strings.Repeat(`collections:nosuch* OR `, 15) + `width:1`,
	strings.Repeat(`description:nosuch OR `, 49) + `width:1`,
}

// BenchmarkStatement times queries on a database with the volume profile, which the environment variable
// MEDIANEST_BENCH_DATABASE_URL names:
//
//	seed --profile volume --database-url URL
//	MEDIANEST_BENCH_DATABASE_URL=URL go test -bench Statement -benchtime 20x ./mockapi/query
//
// On the server's own machine it also tells the server's CPU time, which the machine's other load leaves alone.
func BenchmarkStatement(b *testing.B) {
	dsn := os.Getenv("MEDIANEST_BENCH_DATABASE_URL")
	if dsn == "" {
		b.Skip("MEDIANEST_BENCH_DATABASE_URL names no database")
	}
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		b.Fatal(err)
	}
	cfg.RuntimeParams["jit"] = "off"
	cfg.RuntimeParams["max_parallel_workers_per_gather"] = "0"
	for _, set := range []struct {
		name    string
		queries []string
	}{{"document", documentQueries}, {"hard", hardQueries}} {
		for _, src := range set.queries {
			q, err := query.Parse(src)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(set.name+"/"+shortened(src), func(b *testing.B) {
				conn, err := pgx.ConnectConfig(b.Context(), cfg)
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Close(b.Context())
				sql, args := q.Statement(query.Viewer{ID: 1}, time.Now(), query.Page{Limit: 20})
				run := func() (n int, complete bool) {
					rows, err := conn.Query(b.Context(), sql, args...)
					if err != nil {
						b.Fatal(err)
					}
					list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f found, err error) {
						return f, row.Scan(&f.ID, &f.CreatedAt, &f.hit)
					})
					if err != nil {
						b.Fatal(err)
					}
					items, _, complete := query.Cut(list, 20, func(f found) (query.Cursor, bool) { return f.Cursor, f.hit })
					return len(items), complete
				}
				// The server plans the first five anew before it may settle on a generic plan.
				for range 6 {
					run()
				}
				var n int
				complete := true
				before := cpuTime(conn.PgConn().PID())
				for b.Loop() {
					n, complete = run()
				}
				if after := cpuTime(conn.PgConn().PID()); after > before {
					b.ReportMetric((after-before).Seconds()*1e6/float64(b.N), "server-us/op")
				}
				b.ReportMetric(float64(n), "found")
				b.ReportMetric(map[bool]float64{true: 1}[complete], "complete")
			})
		}
	}
}

// cpuTime is what a process of this machine has used, 0 where that can't be known.
func cpuTime(pid uint32) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
	fields := strings.Fields(string(data))
	if err != nil || len(fields) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n)
}

func shortened(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}

func BenchmarkParse(b *testing.B) {
	for _, src := range []string{documentQueries[0], strings.Repeat(`description:nosuch OR `, 49) + `width:1`} {
		b.Run(shortened(src), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				q, err := query.Parse(src)
				if err != nil {
					b.Fatal(err)
				}
				q.Statement(query.Viewer{ID: 1}, now, query.Page{Limit: 20})
			}
		})
	}
}
