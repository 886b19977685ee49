package observe

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// What bounds a report.
const (
	maxStatements = 40     // those that took the most time
	maxCheckpoint = 500    // in the snapshot before the run, while it goes on
	maxCounted    = 10_000 // twice as many as pg_stat_statements keeps by default
	maxBlocked    = 100    // statements seen waiting for locks
	maxTables     = 200    // the largest
	maxIndexes    = 400
	maxQuery      = 4_000 // characters of a statement in a report
	maxPlanned    = 12    // statements whose plans are asked for
	maxPlan       = 8_000 // characters
)

// counters are what PostgreSQL has counted up to a moment.
type counters struct {
	at         time.Time
	statements map[int64]Statement // without texts
	tables     []Table
	indexes    []Index
}

func countersOf(s Snapshot) counters {
	c := counters{at: s.At, tables: s.Tables, indexes: s.Indexes, statements: make(map[int64]Statement)}
	for _, x := range s.Statements {
		c.statements[x.ID] = x
	}
	return c
}

// since returns the statements without what they were before.
func (c counters) since(before counters) counters {
	run := counters{statements: make(map[int64]Statement, len(c.statements))}
	for id, s := range c.statements {
		if s = s.since(before.statements[id]); s.Calls > 0 {
			run.statements[id] = s
		}
	}
	return run
}

// longest returns the IDs of the n statements that took the most time, the one that took the most first.
func (c counters) longest(n int) []int64 {
	ids := slices.SortedFunc(maps.Keys(c.statements), func(a, b int64) int {
		return cmp.Or(cmp.Compare(c.statements[b].TotalTime, c.statements[a].TotalTime), cmp.Compare(a, b))
	})
	return ids[:min(n, len(ids))]
}

// snapshot returns the counters with those of the statements, in the order of the IDs.
func (c counters) snapshot(ids []int64) Snapshot {
	s := Snapshot{At: c.at, Tables: c.tables, Indexes: c.indexes}
	for _, id := range ids {
		if x, ok := c.statements[id]; ok {
			s.Statements = append(s.Statements, x)
		}
	}
	return s
}

// count reads all counters.
func (d *database) count(ctx context.Context) (counters, error) {
	c := counters{at: time.Now()}
	var err error
	if c.statements, err = d.countStatements(ctx); err != nil {
		return c, err
	}
	rows, err := d.conn.Query(ctx, marker+`SELECT relid::regclass::text, coalesce(pg_total_relation_size(relid), 0), n_live_tup, n_dead_tup, seq_scan, seq_tup_read, coalesce(idx_scan, 0)
FROM pg_stat_user_tables ORDER BY 2 DESC, 1 LIMIT $1`, maxTables)
	if err != nil {
		return c, err
	}
	if c.tables, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Table]); err != nil {
		return c, err
	}
	rows, err = d.conn.Query(ctx, marker+`SELECT relid::regclass::text, indexrelid::regclass::text, coalesce(pg_relation_size(indexrelid), 0), idx_scan
FROM pg_stat_user_indexes ORDER BY 3 DESC, 2 LIMIT $1`, maxIndexes)
	if err != nil {
		return c, err
	}
	c.indexes, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Index])
	return c, err
}

// countStatements reads pg_stat_statements without its texts, which are in a file on the server.
func (d *database) countStatements(ctx context.Context) (map[int64]Statement, error) {
	statements := make(map[int64]Statement)
	if d.statements == "" {
		return statements, nil
	}
	rows, err := d.conn.Query(ctx, marker+`SELECT queryid, '', sum(calls)::bigint, sum(total_exec_time), sum(rows)::bigint, sum(shared_blks_hit)::bigint, sum(shared_blks_read)::bigint,
	sum(temp_blks_read + temp_blks_written)::bigint
FROM `+d.statements+`(false) WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND queryid IS NOT NULL
GROUP BY queryid ORDER BY 4 DESC LIMIT $1`, maxCounted)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Statement])
	for _, s := range all {
		statements[s.ID] = s
	}
	return statements, err
}

// texts reads the texts of statements, whole.
func (d *database) texts(ctx context.Context, ids []int64) (map[int64]string, error) {
	rows, err := d.conn.Query(ctx, marker+`SELECT queryid, min(query) FROM `+d.statements+`(true)
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND queryid = ANY($1) GROUP BY queryid`, ids)
	if err != nil {
		return nil, err
	}
	texts := make(map[int64]string)
	var id int64
	var text *string
	_, err = pgx.ForEachRow(rows, []any{&id, &text}, func() error {
		if text != nil {
			texts[id] = withoutSecret(*text)
		}
		return nil
	})
	return texts, err
}

// secret finds what may be the password of a role. PostgreSQL replaces the values of queries by $1 and the like, but
// not those of other statements.
var secret = regexp.MustCompile(`(?i)\bpassword\b`)

func withoutSecret(text string) string {
	if !plannable.MatchString(text) && secret.MatchString(text) {
		return "(a statement with a password)"
	}
	return text
}

// choose leaves out the observer's own statements, and those beyond maxStatements that no endpoint runs.
func choose(ids []int64, texts map[int64]string, endpoints map[string][]Call) []int64 {
	of := make(map[int64]bool)
	for label, calls := range endpoints {
		calls = slices.DeleteFunc(calls, func(c Call) bool { return own(texts[c.Statement]) })
		for _, c := range calls {
			of[c.Statement] = true
		}
		endpoints[label] = calls
	}
	var chosen []int64
	for _, id := range ids {
		if !own(texts[id]) && (len(chosen) < maxStatements || of[id]) {
			chosen = append(chosen, id)
		}
	}
	return chosen
}

func own(text string) bool { return strings.HasPrefix(text, strings.TrimSpace(marker)) }

// cut cuts a text after n characters.
func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n]) + "…"
	}
	return text
}

// byFrequency sorts waits, the most frequent first.
func byFrequency(a, b Wait) int {
	return cmp.Or(cmp.Compare(b.Seen, a.Seen), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Event, b.Event))
}
