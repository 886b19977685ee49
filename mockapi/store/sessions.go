package store

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// sessionFilter answers for the sessions that were never revoked, which are nearly all, from memory. It is
// filled with the revoked ones of the database at the start and follows what this process revokes at once,
// what others revoke at the next poll.
type sessionFilter struct {
	current atomic.Pointer[bloom] // nil until it was filled
	mu      sync.Mutex            // held to add, and to change either pointer
	filling *bloom                // what will be current, nil but during fill
}

// mayBeRevoked is false only for sessions that are not revoked.
func (f *sessionFilter) mayBeRevoked(id [16]byte) bool {
	b := f.current.Load()
	return b == nil || b.mayHave(id)
}

func (f *sessionFilter) add(id [16]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.current.Load(); b != nil {
		b.add(id)
	}
	if f.filling != nil {
		f.filling.add(id)
	}
}

// fill replaces the filter by one with the ids that load gives. What is added meanwhile is in both.
func (f *sessionFilter) fill(load func(add func([16]byte)) error) error {
	b := newBloom()
	f.mu.Lock()
	f.filling = b
	f.mu.Unlock()
	err := load(b.add)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filling = nil
	if err == nil {
		f.current.Store(b)
	}
	return err
}

var errInvalidToken = mockapi.Errorf(mockapi.CodeInvalidToken, "the session has ended or this refresh token was used before: log in again")

// durable in the FROM of a statement makes its commit wait for the disk, whatever Options.SyncCommit says:
// a revoked session must not come back.
const durable = "set_config('synchronous_commit', 'on', true)"

// RefreshSession implements mockapi.SessionStore.
func (s *Store) RefreshSession(ctx context.Context, se mockapi.Session) error {
	// The first refresh makes the row, so a row that is there already says no: it was made by another
	// refresh or by a revocation.
	const first = `INSERT INTO sessions (id, user_id, generation, created_at, expires_at)
		SELECT $1, $2, 1, $3, $4 FROM ` + durable + ` ON CONFLICT (id) DO NOTHING`
	const next = `UPDATE sessions SET generation = generation + 1, expires_at = $4 FROM ` + durable + `
		WHERE id = $1 AND user_id = $2 AND generation = $3 AND revoked_at IS NULL`
	return s.write(ctx, "refresh session", func(ctx context.Context, c *pgx.Conn) error {
		sql, third := first, any(se.CreatedAt)
		if se.Generation > 0 {
			sql, third = next, se.Generation
		}
		tag, err := c.Exec(ctx, sql, se.ID, se.UserID, third, se.ExpiresAt)
		if err == nil && tag.RowsAffected() == 0 {
			return errInvalidToken
		}
		return err
	})
}

// RevokeSession implements mockapi.SessionStore.
func (s *Store) RevokeSession(ctx context.Context, se mockapi.Session) error {
	const q = `INSERT INTO sessions AS s (id, user_id, generation, created_at, expires_at, revoked_at)
		SELECT $1, $2, $3, $4, $5, now() FROM ` + durable + `
		ON CONFLICT (id) DO UPDATE SET revoked_at = coalesce(s.revoked_at, excluded.revoked_at)`
	err := s.write(ctx, "revoke session", func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, q, se.ID, se.UserID, se.Generation, se.CreatedAt, se.ExpiresAt)
		return err
	})
	// A commit whose answer was lost counts: asking the database for nothing is harmless, not asking is not.
	s.sessions.add(se.ID)
	return err
}

// SessionRevoked implements mockapi.SessionStore.
func (s *Store) SessionRevoked(ctx context.Context, id [16]byte) (bool, error) {
	if !s.sessions.mayBeRevoked(id) {
		return false, nil
	}
	const q = `SELECT EXISTS (SELECT FROM sessions WHERE id = $1 AND revoked_at IS NOT NULL)`
	var revoked bool
	err := s.one(ctx, "look up session", "", q, []any{id}, func(r *row) { revoked = r.bool() })
	return revoked, err
}

// fillSessions reads all revoked sessions that have not expired and returns the database's time of doing so.
func (s *Store) fillSessions(ctx context.Context, c *pgx.Conn) (time.Time, error) {
	var at time.Time
	err := s.sessions.fill(func(add func([16]byte)) error {
		var err error
		at, err = readRevoked(ctx, c, "s.revoked_at IS NOT NULL AND s.expires_at > now()", nil, add)
		return err
	})
	return at, err
}

// revokedLag is how long before its commit a revocation can have taken its time.
const revokedLag = 5 * time.Second

// pollSessions reads what was revoked since the last look and returns the database's time of this one.
func (s *Store) pollSessions(ctx context.Context, c *pgx.Conn, last time.Time) (time.Time, error) {
	news := 0
	at, err := readRevoked(ctx, c, "s.revoked_at > $1", []any{last.Add(-revokedLag)}, func(id [16]byte) {
		if !s.sessions.mayBeRevoked(id) {
			s.sessions.add(id)
			news++
		}
	})
	if news > 0 {
		s.log.LogAttrs(ctx, slog.LevelDebug, "sessions were revoked elsewhere", slog.Int("sessions", news))
	}
	return at, err
}

func readRevoked(ctx context.Context, c *pgx.Conn, where string, args []any, add func([16]byte)) (at time.Time, err error) {
	// The join gives the time even where there is no session.
	q := `SELECT now(), s.id FROM (SELECT) AS always LEFT JOIN sessions s ON ` + where
	_, err = query(ctx, c, q, args, func(r *row) {
		at = r.time()
		if b := r.column("uuid", 16, true); b != nil {
			add([16]byte(b))
		}
	})
	return at, err
}

// dropExpired deletes sessions that no token can belong to any more, some at a time.
func dropExpired(ctx context.Context, c *pgx.Conn) error {
	const batch = 5000
	const q = `DELETE FROM sessions WHERE id = ANY (ARRAY(
		SELECT id FROM sessions WHERE expires_at < now() - interval '1 hour' LIMIT $1))`
	for {
		tag, err := c.Exec(ctx, q, batch)
		if err != nil || tag.RowsAffected() < batch {
			return err
		}
	}
}
