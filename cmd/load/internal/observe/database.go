package observe

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// applicationName is what PostgreSQL shows of the observer's connection.
const applicationName = "load observer"

// marker begins every query of the observer's, so that it does not take its own statements for the target's.
const marker = "/* load observer */ "

// What bounds the questions to PostgreSQL.
const (
	connectTimeout   = 10 * time.Second
	statementTimeout = 5 * time.Second
	finishTimeout    = time.Minute
)

// database observes one database over one connection, whose transactions are read-only.
type database struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn // nil while there is none

	version    string
	statements string   // the function of pg_stat_statements, quoted; "" where it is not to be had
	before     counters // up to the run's beginning

	mu      sync.Mutex
	told    Database
	seen    map[Wait]int  // by event, Seen left 0
	blocked map[int64]int // by statement
	missing []string
}

// connect connects, makes pg_stat_statements ready where it can be, and counts what there was before the run.
func connect(ctx context.Context, url string, past *Report) (*database, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("observe the database: %w", err)
	}
	config.ConnectTimeout = connectTimeout
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // prepares nothing, which poolers would not forward
	config.RuntimeParams["application_name"] = applicationName
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["statement_timeout"] = fmt.Sprint(statementTimeout.Milliseconds())
	config.RuntimeParams["lock_timeout"] = "1000"
	d := &database{config: config, seen: make(map[Wait]int), blocked: make(map[int64]int)}
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	if err := d.prepare(ctx); err != nil {
		d.close()
		return nil, fmt.Errorf("observe the database: %w", err)
	}
	d.told.Version = d.version
	if past != nil && past.Database != nil {
		d.goOn(past.Database)
	}
	return d, nil
}

func (d *database) prepare(ctx context.Context) error {
	if err := d.reach(ctx); err != nil {
		return err
	}
	var all bool
	err := d.conn.QueryRow(ctx, marker+"SELECT current_setting('server_version'), pg_has_role('pg_read_all_stats', 'USAGE')").Scan(&d.version, &all)
	if err != nil {
		return err
	}
	if !all {
		d.miss("what other roles do in the database: the role %s lacks pg_read_all_stats; GRANT pg_read_all_stats TO it", d.config.User)
	}
	if err := d.findStatements(ctx); err != nil {
		return err
	}
	d.before, err = d.count(ctx)
	return err
}

// reach connects unless there is a connection.
func (d *database) reach(ctx context.Context) error {
	if d.conn != nil && !d.conn.IsClosed() {
		return nil
	}
	var err error
	d.conn, err = pgx.ConnectConfig(ctx, d.config)
	return err
}

// goOn takes over what was counted before an interruption.
func (d *database) goOn(past *Database) {
	d.told.Samples, d.told.Active, d.told.IdleHolders = past.Samples, past.Active, past.IdleHolders
	for _, w := range past.Waits {
		d.seen[Wait{Type: w.Type, Event: w.Event}] = w.Seen
	}
	for _, b := range past.Blocked {
		d.blocked[b.Statement] = b.Seen
	}
	if past.Before.At.IsZero() {
		return
	}
	now := d.before
	d.before = countersOf(past.Before)
	lost := false
	for id, was := range d.before.statements {
		if now.statements[id].Calls < was.Calls { // what it has now, it has of the run alone
			lost = true
			delete(d.before.statements, id)
		}
	}
	if lost {
		d.miss("some of what the statements did before the run went on: pg_stat_statements was reset or had no room for all")
	}
}

func (d *database) miss(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.missing = append(d.missing, fmt.Sprintf(format, args...))
}

// findStatements finds pg_stat_statements, and creates the extension where the server has loaded it and the role
// may.
func (d *database) findStatements(ctx context.Context) error {
	const find = marker + "SELECT coalesce((SELECT quote_ident(n.nspname) || '.pg_stat_statements' FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'), ''), " +
		"current_setting('pg_stat_statements.max', true) IS NOT NULL"
	var loaded bool
	if err := d.conn.QueryRow(ctx, find).Scan(&d.statements, &loaded); err != nil {
		return err
	}
	if !loaded {
		d.statements = ""
		d.miss("statements of the database: the server has not loaded pg_stat_statements; add it to shared_preload_libraries and restart the server")
		return nil
	}
	if d.statements != "" {
		return nil
	}
	err := pgx.BeginTxFunc(ctx, d.conn, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, marker+"CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
		return err
	})
	if err != nil {
		d.miss("statements of the database: the extension is not there: %v; CREATE EXTENSION pg_stat_statements as a superuser", err)
		return nil
	}
	return d.conn.QueryRow(ctx, find).Scan(&d.statements, &loaded)
}

// sample returns the series' values at the moment, and counts the wait events.
func (d *database) sample(ctx context.Context) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	if err := d.reach(ctx); err != nil {
		return nil, err
	}
	if err := d.sampleWaits(ctx); err != nil {
		return nil, err
	}
	const query = marker + `SELECT
	(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()),
	pg_database_size(current_database()),
	(SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables),
	CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint END,
	temp_bytes, blks_hit, blks_read, deadlocks
FROM pg_stat_database WHERE datname = current_database()`
	var connections, size, dead, temp, hit, read, deadlocks int64
	var wal *int64
	if err := d.conn.QueryRow(ctx, query).Scan(&connections, &size, &dead, &wal, &temp, &hit, &read, &deadlocks); err != nil {
		return nil, err
	}
	values := map[string]float64{
		Connections: float64(connections), DatabaseSize: float64(size), DeadRows: float64(dead), TempBytes: float64(temp),
		BlocksHit: float64(hit), BlocksRead: float64(read), Deadlocks: float64(deadlocks),
	}
	if wal != nil {
		values[WALBytes] = float64(*wal)
	}
	return values, nil
}

// sampleWaits looks what the active backends of clients wait for, and for locks, in which statements.
func (d *database) sampleWaits(ctx context.Context) error {
	// By way of JSON, since before version 14 there is no query_id. It is NULL where the server does not compute it.
	const query = marker + `SELECT coalesce(wait_event_type, ''), coalesce(wait_event, ''), CASE wait_event_type WHEN 'Lock' THEN (to_jsonb(a) ->> 'query_id')::bigint END, count(*)
FROM pg_stat_activity a
WHERE datname = current_database() AND backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()
GROUP BY 1, 2, 3`
	const idleHolders = marker + `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND pid IN (
	SELECT unnest(pg_blocking_pids(pid)) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'))`
	rows, err := d.conn.Query(ctx, query)
	if err != nil {
		return err
	}
	type activity struct {
		Type, Event string
		Statement   *int64
		Seen        int
	}
	activities, err := pgx.CollectRows(rows, pgx.RowToStructByPos[activity])
	if err != nil {
		return err
	}
	idle := false
	if slices.ContainsFunc(activities, func(a activity) bool { return a.Type == "Lock" }) {
		if err := d.conn.QueryRow(ctx, idleHolders).Scan(&idle); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told.Samples++
	if idle {
		d.told.IdleHolders++
	}
	for _, a := range activities {
		d.told.Active += a.Seen
		if a.Type != "" { // the names are PostgreSQL's own, a few hundred at most
			d.seen[Wait{Type: a.Type, Event: a.Event}] += a.Seen
		}
		if a.Statement == nil {
			continue
		}
		if _, known := d.blocked[*a.Statement]; known || len(d.blocked) < maxBlocked {
			d.blocked[*a.Statement] += a.Seen
		}
	}
	return nil
}

// report copies what is known. The snapshot before has the statements without their texts while there is none
// after.
func (d *database) report() *Database {
	d.mu.Lock()
	defer d.mu.Unlock()
	told := d.told
	told.Waits = nil
	for w, n := range d.seen {
		w.Seen = n
		told.Waits = append(told.Waits, w)
	}
	slices.SortFunc(told.Waits, byFrequency)
	told.Blocked = nil
	for id, n := range d.blocked {
		told.Blocked = append(told.Blocked, Blocked{Statement: id, Seen: n})
	}
	slices.SortFunc(told.Blocked, func(a, b Blocked) int {
		return cmp.Or(cmp.Compare(b.Seen, a.Seen), cmp.Compare(a.Statement, b.Statement))
	})
	told.Plans, told.Endpoints = slices.Clone(told.Plans), maps.Clone(told.Endpoints)
	if told.After.At.IsZero() {
		told.Before = d.before.snapshot(d.before.longest(maxCheckpoint))
	}
	return &told
}

func (d *database) close() {
	if d.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	_ = d.conn.Close(ctx) // nothing is lost with it
}

// finish finds out what can only be known after the run. The end of the context ends the sending of requests alone.
func (d *database) finish(ctx context.Context, requests []Request, pause time.Duration) {
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	sending, stop := context.WithTimeout(ctx, finishTimeout/2)
	defer stop()
	err := d.reach(whole)
	if err == nil {
		err = d.conclude(whole, func() (map[string][]Call, error) { return d.replay(sending, requests, pause) })
	}
	if err != nil {
		d.miss("what the database did in the run: %v", err)
	}
}

func (d *database) conclude(ctx context.Context, replay func() (map[string][]Call, error)) error {
	after, err := d.count(ctx)
	if err != nil {
		return err
	}
	if d.statements == "" {
		d.tell(after, nil, nil, nil)
		return nil
	}
	endpoints, err := replay()
	if err != nil {
		d.miss("the statements of each endpoint: %v", err)
		if err := d.reach(ctx); err != nil {
			return err
		}
	}
	run := after.since(d.before)
	ids := run.longest(2 * maxStatements)
	for _, calls := range endpoints {
		for _, c := range calls {
			if _, ok := after.statements[c.Statement]; !ok { // not even once in the run
				after.statements[c.Statement] = Statement{ID: c.Statement}
			}
			if !slices.Contains(ids, c.Statement) {
				ids = append(ids, c.Statement)
			}
		}
	}
	texts, err := d.texts(ctx, ids)
	if err != nil {
		return err
	}
	ids = choose(ids, texts, endpoints)
	if len(endpoints) > 0 && !slices.ContainsFunc(slices.Collect(maps.Values(endpoints)), func(c []Call) bool { return len(c) > 0 }) {
		d.miss("the statements of each endpoint: no request ran any in the database %s; is it the target's?", d.config.Database)
	}
	plans, err := d.plans(ctx, ids, texts)
	if err != nil {
		d.miss("how the database runs the statements: %v", err)
	}
	d.tell(after, ids, texts, endpoints)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told.Plans = plans
	return nil
}

// tell fills in the snapshots.
func (d *database) tell(after counters, ids []int64, texts map[int64]string, endpoints map[string][]Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told.Before, d.told.After, d.told.Endpoints = d.before.snapshot(ids), after.snapshot(ids), endpoints
	for _, s := range []*Snapshot{&d.told.Before, &d.told.After} {
		for i := range s.Statements {
			s.Statements[i].Query = cut(texts[s.Statements[i].ID], maxQuery)
		}
	}
}
