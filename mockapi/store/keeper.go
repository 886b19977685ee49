package store

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	keeperTimeout  = 2 * time.Second // for one poll
	fillTimeout    = 30 * time.Second
	recountTimeout = 2 * time.Minute
	refillSessions = time.Hour // expired sessions leave the filter only when it is filled anew
	expireSessions = 10 * time.Minute
)

// keeper does what no request should wait for, on connections of its own: it follows revoked sessions,
// deletes expired ones and counts rows. A connection that breaks may mean another database behind the same
// name, so each new one begins by reading everything again.
type keeper struct {
	store   *Store
	config  *pgx.ConnConfig
	poll    time.Duration
	recount time.Duration

	life    context.Context // ends when the keeper is stopped
	cancel  context.CancelFunc
	running sync.WaitGroup
	due     chan struct{} // a recount is wanted; one waiting request is as good as many
	counted chan struct{} // closed when the rows were counted for the first time
}

func startKeeper(s *Store, config *pgx.ConnConfig, o Options) *keeper {
	config.RuntimeParams["application_name"] += "-keeper"
	config.RuntimeParams["statement_timeout"] = strconv.FormatInt(recountTimeout.Milliseconds(), 10)
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{
		store: s, config: config, poll: o.PollSessions, recount: o.Recount,
		life: ctx, cancel: cancel, due: make(chan struct{}, 1), counted: make(chan struct{}),
	}
	k.running.Go(func() { k.follow(ctx) })
	k.running.Go(func() { k.count(ctx) })
	return k
}

func (k *keeper) stop() {
	k.cancel()
	k.running.Wait()
}

// follow keeps a connection and polls on it until ctx ends.
func (k *keeper) follow(ctx context.Context) {
	away := false
	for ctx.Err() == nil {
		err := k.followOn(ctx, func() {
			if away {
				k.store.log.LogAttrs(ctx, slog.LevelInfo, "the database is back")
			}
			away = false
		})
		if !away && ctx.Err() == nil {
			away = true
			k.store.log.LogAttrs(ctx, slog.LevelWarn, "the database is away: answering SERVICE_UNAVAILABLE until it is back", slog.Any("error", err))
		}
		pause(ctx, k.poll)
	}
}

// followOn works on one connection until it breaks.
func (k *keeper) followOn(ctx context.Context, connected func()) error {
	c, err := pgx.ConnectConfig(ctx, k.config)
	if err != nil {
		return err
	}
	defer closeConn(c)
	last, err := within(ctx, fillTimeout, func(ctx context.Context) (time.Time, error) { return k.store.fillSessions(ctx, c) })
	if err != nil {
		return fmt.Errorf("read revoked sessions: %w", err)
	}
	connected()
	k.wantRecount()
	filled, expired := time.Now(), time.Now()
	for pause(ctx, k.poll) {
		work, timeout := func(ctx context.Context) (time.Time, error) { return k.store.pollSessions(ctx, c, last) }, keeperTimeout
		if time.Since(filled) > refillSessions {
			work, timeout = func(ctx context.Context) (time.Time, error) { return k.store.fillSessions(ctx, c) }, fillTimeout
			filled = time.Now()
		}
		if last, err = within(ctx, timeout, work); err != nil {
			return fmt.Errorf("follow revoked sessions: %w", err)
		}
		if time.Since(expired) > expireSessions {
			expired = time.Now()
			_, err := within(ctx, fillTimeout, func(ctx context.Context) (struct{}, error) { return struct{}{}, dropExpired(ctx, c) })
			if err != nil {
				return fmt.Errorf("delete expired sessions: %w", err)
			}
		}
	}
	return ctx.Err()
}

func (k *keeper) wantRecount() {
	select {
	case k.due <- struct{}{}:
	default:
	}
}

// count counts when it is wanted and every k.recount, each time on a new connection.
func (k *keeper) count(ctx context.Context) {
	tick := time.NewTicker(k.recount)
	defer tick.Stop()
	for first := true; ; {
		select {
		case <-ctx.Done():
			return
		case <-k.due:
		case <-tick.C:
		}
		err := k.countOnce(ctx)
		switch {
		case err == nil && first:
			first = false
			close(k.counted)
		case err != nil && ctx.Err() == nil:
			k.store.log.LogAttrs(ctx, slog.LevelWarn, "totals could not be counted", slog.Any("error", err))
		}
	}
}

func (k *keeper) countOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recountTimeout)
	defer cancel()
	c, err := pgx.ConnectConfig(ctx, k.config)
	if err != nil {
		return err
	}
	defer closeConn(c)
	return k.store.totals.recount(ctx, c)
}

func within[T any](ctx context.Context, d time.Duration, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f(ctx)
}

// closeConn says goodbye, but not for long.
func closeConn(c *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.Close(ctx)
}

// pause waits for d and tells whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
