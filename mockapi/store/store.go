// Package store is the mockapi.Store on PostgreSQL.
//
// It is made for throughput with few connections: prepared statements, look-ups that share queries (gather),
// keyset pagination, lists that find out whether walking or looking up is the shorter way (listing), totals that
// are kept instead of counted (totals), and rows decoded from the binary protocol straight into their structs
// (row). One deadline covers the wait for a connection and the query (Store.visit), so that a database that hangs
// is answered with SERVICE_UNAVAILABLE in time, and the pool heals itself afterwards.
//
// Reads change nothing: looking at a media file neither counts a view nor touches last_accessed. A view
// would rewrite the row and an entry in each of its indexes, a hundred times the work of the read.
package store

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/medianest/testbed/mockapi"
)

// Defaults of Options.
const (
	DefaultPoolSize     = 8
	DefaultTimeout      = 900 * time.Millisecond
	DefaultHeavyTimeout = 4500 * time.Millisecond
	DefaultPollSessions = 500 * time.Millisecond
	DefaultRecount      = 5 * time.Minute
	// DefaultSearchRefresh is that of Elasticsearch's index.refresh_interval.
	DefaultSearchRefresh = time.Second
)

// Options adjust a Store; zero fields mean the defaults above.
type Options struct {
	// PoolSize is how many connections serve requests. Half as many more serve bulk calls and transactions,
	// so that these can't keep everybody else waiting, and one does the housekeeping.
	PoolSize int
	// Timeout is what a call may take, the wait for a connection included. PostgreSQL itself gives up a
	// statement at 9/10 of it, which spares the connection.
	Timeout time.Duration
	// HeavyTimeout is the same for bulk calls and transactions.
	HeavyTimeout time.Duration
	// SyncCommit makes every write wait until PostgreSQL has it on disk. Without it, the writes of media
	// files, tags, comments and collections of up to three times wal_writer_delay (0.6 s by default) are
	// lost when the server or its machine crashes; what remains is consistent. Accounts and sessions always
	// wait. Not to wait makes 2.4 times as many uploads where fsync is on, and no difference where it is off.
	SyncCommit bool
	// PollSessions is how often revocations by other processes are looked for.
	PollSessions time.Duration
	// Recount is how often totals are counted anew, which finds what other processes have written.
	Recount time.Duration
	// SearchRefresh is how old the answer of an advanced search may be; negative asks the database every time.
	SearchRefresh time.Duration
	// Logger is told about outages and their end; slog.Default() where nil.
	Logger *slog.Logger
}

// Store implements mockapi.Store. It is safe for concurrent use.
type Store struct {
	light, heavy lane
	log          *slog.Logger
	failed       atomic.Int64 // visits that ended as SERVICE_UNAVAILABLE

	mediaByID gather[int64, mockapi.Media]
	usersByID gather[int64, mockapi.User]
	logins    gather[string, mockapi.Credentials] // by e-mail address

	sessions   sessionFilter
	totals     totals
	hints      *memo[string, int] // see listing
	statistics statistics
	searches   searches
	keeper     *keeper
}

var (
	_ mockapi.Store        = (*Store)(nil)
	_ mockapi.PoolReporter = (*Store)(nil)
)

// Open makes a Store for the database at dsn, which must have been migrated. It does not wait for the
// database: until it answers, calls fail with SERVICE_UNAVAILABLE, and Ready tells. The context bounds only
// the opening. Close the store when done.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	if o.PoolSize == 0 {
		o.PoolSize = DefaultPoolSize
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.HeavyTimeout == 0 {
		o.HeavyTimeout = DefaultHeavyTimeout
	}
	if o.PollSessions == 0 {
		o.PollSessions = DefaultPollSessions
	}
	if o.Recount == 0 {
		o.Recount = DefaultRecount
	}
	if o.SearchRefresh == 0 {
		o.SearchRefresh = DefaultSearchRefresh
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.PoolSize < 1 || o.Timeout < 0 || o.HeavyTimeout < 0 || o.PollSessions < 0 || o.Recount < 0 {
		return nil, fmt.Errorf("open store: pool size, timeout and intervals must be positive: %+v", o)
	}
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	cfg.MaxConnLifetimeJitter = cfg.MaxConnLifetime / 10
	if cfg.ConnConfig.ConnectTimeout == 0 {
		// A connection attempt outlives the call that started it and occupies a place of the pool.
		cfg.ConnConfig.ConnectTimeout = connectTimeout
		cfg.ConnConfig.DialFunc = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	cfg.BeforeClose = abandon
	set := cfg.ConnConfig.RuntimeParams
	setDefault(set, "application_name", "medianest-mockapi")
	setDefault(set, "idle_in_transaction_session_timeout", "10000")
	// Compiling a plan, or starting workers for it, takes longer than any query here should.
	setDefault(set, "jit", "off")
	setDefault(set, "max_parallel_workers_per_gather", "0")
	// Who fills the trigram index's list of new entries has to sort them in while others wait. At the server's
	// 4 MB that stalls uploads for up to 0.4 s; a quarter of it halves that, and costs one upload in twenty.
	setDefault(set, "gin_pending_list_limit", "1024")
	if !o.SyncCommit {
		setDefault(set, "synchronous_commit", "off")
	}
	s := &Store{log: o.Logger, hints: newMemo[string, int](hintsKept, hintMemory)}
	s.mediaByID.init("look up media file", s, s.fetchMedia)
	s.usersByID.init("look up user", s, s.fetchUsers)
	s.logins.init("look up login", s, s.fetchLogins)
	if s.light, err = newLane(ctx, cfg.Copy(), o.PoolSize, o.Timeout); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if s.heavy, err = newLane(ctx, cfg.Copy(), max(o.PoolSize/2, 1), o.HeavyTimeout); err != nil {
		s.light.pool.Close()
		return nil, fmt.Errorf("open store: %w", err)
	}
	s.totals.init()
	s.statistics.init()
	s.searches.refresh = o.SearchRefresh
	s.searches.answers = newMemo[searchKey, mockapi.Page[mockapi.Media]](maxSearches, o.SearchRefresh)
	s.keeper = startKeeper(s, cfg.ConnConfig.Copy(), o)
	return s, nil
}

// connectTimeout is for servers on this machine or near it; connect_timeout in the DSN overrules it.
const connectTimeout = 2 * time.Second

// abandon closes a broken connection for good. pgx waits up to 15 seconds for the server to hang up first, and
// the pool with it before it lets another take the place; a server process that is stuck never does.
func abandon(c *pgx.Conn) {
	if c.IsClosed() {
		_ = c.PgConn().Conn().Close()
	}
}

// lane is a pool of connections and what a visit over it may take.
type lane struct {
	pool    *pgxpool.Pool
	size    int
	timeout time.Duration
}

func newLane(ctx context.Context, cfg *pgxpool.Config, size int, timeout time.Duration) (lane, error) {
	cfg.MaxConns = int32(size)
	setDefault(cfg.ConnConfig.RuntimeParams, "statement_timeout", strconv.FormatInt((timeout*9/10).Milliseconds(), 10))
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	return lane{pool, size, timeout}, err
}

// setDefault leaves alone what the DSN says.
func setDefault(params map[string]string, name, value string) {
	if _, ok := params[name]; !ok {
		params[name] = value
	}
}

// Close stops the housekeeping, waits for calls under way and closes all connections.
func (s *Store) Close() {
	s.keeper.stop()
	s.light.pool.Close()
	s.heavy.pool.Close()
}

// Ready implements mockapi.Store.
func (s *Store) Ready(ctx context.Context) error {
	return s.read(ctx, "ready", func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SELECT")
		return err
	})
}

// Dataset implements mockapi.Store.
func (s *Store) Dataset(ctx context.Context) (mockapi.Dataset, error) {
	const q = `SELECT fingerprint, profile, seed, as_of, finished_at IS NOT NULL FROM seed_runs ORDER BY id DESC LIMIT 1`
	var d mockapi.Dataset
	err := s.one(ctx, "read dataset", "the database was never seeded: run seed", q, nil, func(r *row) {
		d.Fingerprint, d.Profile = r.text(), r.text()
		d.Seed = uint64(r.int64())
		d.AsOf, d.Complete = r.time(), r.bool()
	})
	return d, err
}

// PoolStats implements mockapi.PoolReporter; it sums up both pools.
func (s *Store) PoolStats() mockapi.PoolStats {
	sum := mockapi.PoolStats{SlowOrBroken: s.failed.Load()}
	for _, l := range []lane{s.light, s.heavy} {
		p := l.pool.Stat()
		most, busy := int(p.MaxConns()), int(p.AcquiredConns())
		sum.Use = max(sum.Use, float64(busy)/float64(most))
		if busy == most {
			sum.Full += most
		}
		sum.Max += most
		sum.Open += int(p.TotalConns())
		sum.Busy += busy
		sum.Idle += int(p.IdleConns())
		sum.Acquired += p.AcquireCount()
		sum.Waited += p.EmptyAcquireCount()
		sum.WaitTime += p.AcquireDuration()
		sum.Canceled += p.CanceledAcquireCount()
		sum.Opened += p.NewConnsCount()
	}
	return sum
}

// DropConnections closes every connection of the pools: those in use when their visit ends, the others now.
// The next visits open new ones.
func (s *Store) DropConnections() {
	s.light.pool.Reset()
	s.heavy.pool.Reset()
}
