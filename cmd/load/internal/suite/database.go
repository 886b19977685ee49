package suite

import (
	"strconv"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// database is the database suite.
type database struct {
	*base
	queryTime, poolUse, lockWait, cacheHits *metrics.Metric
	logins                                  []Login

	health, login, statistics, bulk, transaction vu.Call
	searches                                     []vu.Call
}

func newDatabase(b *base) (*database, error) {
	m := newMetrics{registry: b.Registry}
	s := &database{
		base: b, queryTime: m.trend("db_query_time"), poolUse: m.trend("db_connection_pool_utilization"),
		lockWait: m.trend("db_lock_wait_time"), cacheHits: m.rate("cache_hit_rate"),
		logins: []Login{b.fixedLogin("perf.user@medianest.test", "Performance123!")},
	}
	api := b.Targets.API
	operation := func(method, path, name string) vu.Call { return call(api, method, path, nil, "operation", name) }
	s.health = call(api, "GET", "/health", nil)
	s.login = call(api, "POST", apiBase+"/auth/login", jsonHeader)
	s.statistics = operation("GET", apiBase+"/analytics/media-statistics?include=user,collections,tags&timeframe=30d", "complex_query")
	s.bulk = operation("POST", apiBase+"/bulk/operations", "bulk_insert")
	s.transaction = operation("POST", apiBase+"/transactions/execute", "transaction")
	for _, q := range documentQueries() {
		s.searches = append(s.searches, operation("GET", apiBase+"/search/advanced?q="+q, "search_query"))
	}
	return s, m.err
}

// documentQueries are the document's advanced searches, escaped as encodeURIComponent does.
func documentQueries() []string {
	return []string{
		"filename%3A*.jpg%20AND%20size%3A%3E1000000",
		"created_at%3A%3E2024-01-01%20AND%20user.role%3Aadmin",
		"tags%3Aphoto%20OR%20tags%3Aimage",
		"collections.name%3A%22Test%20Collection%22",
	}
}

// Setup implements vu.Suite. The document's script has none; that the server is there is worth a request.
func (s *database) Setup(v *vu.VU) error { return s.alive(v, &s.health) }

// Iterate implements vu.Suite.
func (s *database) Iterate(v *vu.VU) error {
	u := stateOf(v)
	if err := s.chooseLogin(v, u, s.logins); err != nil {
		return err
	}
	c := s.login
	c.Body = u.login.body
	r := v.Do(&c)
	if r.Status != 200 || !has(r.Body, "token") {
		return nil
	}
	u.authorize(r.Body)
	s.verifyLogin(v, u, &c, &r)

	c = s.statistics
	r = s.timed(v, u, &c)
	v.Check("complex query status 200", r.Status == 200)
	v.Check("complex query time < 1000ms", r.Milliseconds < 1000)

	c = s.bulk
	u.body = appendBulk(u.body[:0], v)
	c.Body = u.body
	r = s.timed(v, u, &c)
	v.Check("bulk operation status 200", r.Status == 200)
	v.Check("bulk operation time < 5000ms", r.Milliseconds < 5000)

	c = s.transaction
	u.body = appendTransaction(u.body[:0], s.owner(u))
	c.Body = u.body
	r = s.timed(v, u, &c)
	v.Check("transaction status 200", r.Status == 200)
	v.Check("transaction time < 2000ms", r.Milliseconds < 2000)

	for i := range s.searches {
		c = s.searches[i]
		r = s.timed(v, u, &c)
		v.Check("search query status 200", r.Status == 200)
		v.Check("search query time < 800ms", r.Milliseconds < 800)
		if s.verifies(v, u, &r) {
			s.right(v, s.Verifier.MediaList(s.answer(v, u, &c, &r), verify.List{Key: "results", First: true, MayPause: true, Owner: -1}))
		}
	}
	v.Sleep(time.Second)
	return nil
}

// timed sends one request and samples its wall time and what the server tells about the database.
func (s *database) timed(v *vu.VU, u *user, c *vu.Call) vu.Response {
	c.Header = u.header
	start := time.Now()
	r := v.Do(c)
	v.Add(s.queryTime, milliseconds(time.Since(start)))
	if r.Err != nil {
		return r
	}
	serverTiming(r.Header("Server-Timing"), func(name string, dur float64) {
		switch name {
		case "pool-use": // percent of the pool in use
			v.Add(s.poolUse, dur)
		case "lock": // ms waited for locks
			v.Add(s.lockWait, dur)
		case "cache": // 1 for a hit, 0 for a miss
			v.AddRate(s.cacheHits, dur > 0)
		}
	})
	return r
}

// owner is whose rows the transaction changes: user 1's, which takes an admin, as the document's user is one.
// A user with a login of its own may change its own.
func (s *database) owner(u *user) int64 {
	if s.Logins == nil {
		return 1
	}
	return s.Logins.id(u.login)
}

// appendBulk appends the creation of a hundred files.
func appendBulk(b []byte, v *vu.VU) []byte {
	b = append(b, `{"operations":[`...)
	for i := range 100 {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"action":"create","type":"media","data":{"filename":"bulk-file-`...), int64(i), 10)
		b = strconv.AppendInt(append(b, `.jpg","size":`...), v.Rand.Int64N(5_000_000), 10)
		b = append(b, "}}"...)
	}
	return append(b, "]}"...)
}

// appendTransaction appends an update of all files of a user and an entry in the activity log.
func appendTransaction(b []byte, user int64) []byte {
	b = strconv.AppendInt(append(b, `{"operations":[{"table":"media_files","action":"update","where":{"user_id":`...), user, 10)
	b = appendNow(append(b, `},"data":{"last_accessed":"`...))
	b = strconv.AppendInt(append(b, `"}},{"table":"user_activity","action":"insert","data":{"user_id":`...), user, 10)
	b = appendNow(append(b, `,"action":"bulk_update","timestamp":"`...))
	return append(b, `"}}]}`...)
}
