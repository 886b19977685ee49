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
	recountPause   = 2 * time.Second // before a count that failed is tried again
	recountRest    = 4               // times as long as it took, after each count
	refillSessions = time.Hour       // expired sessions leave the filter only when it is filled anew
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
}

func startKeeper(s *Store, config *pgx.ConnConfig, o Options) *keeper {
	config.RuntimeParams["application_name"] += "-keeper"
	config.RuntimeParams["statement_timeout"] = strconv.FormatInt(recountTimeout.Milliseconds(), 10)
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{
		store: s, config: config, poll: o.PollSessions, recount: o.Recount,
		life: ctx, cancel: cancel, due: make(chan struct{}, 1),
	}
	k.running.Go(func() { k.follow(ctx) })
	k.running.Go(func() { k.count(ctx, k.countOnce) })
	return k
}

func (k *keeper) stop() {
	k.cancel()
	k.running.Wait()
}

// follow keeps a connection and polls on it until ctx ends.
func (k *keeper) follow(ctx context.Context) {
	away, again := false, false
	for ctx.Err() == nil {
		err := k.followOn(ctx, func() {
			if again {
				k.store.forget()
			}
			again = true
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
	var last time.Time // of the database's clock, when revoked sessions were looked at
	fill := func(ctx context.Context) (err error) { last, err = k.store.fillSessions(ctx, c); return err }
	poll := func(ctx context.Context) (err error) { last, err = k.store.pollSessions(ctx, c, last); return err }
	expire := func(ctx context.Context) error { return dropExpired(ctx, c) }

	if err := within(ctx, fillTimeout, fill); err != nil {
		return fmt.Errorf("read revoked sessions: %w", err)
	}
	connected()
	k.store.log.LogAttrs(ctx, slog.LevelDebug, "revoked sessions were read")
	k.wantRecount()
	filled, expired := time.Now(), time.Now()
	for pause(ctx, k.poll) {
		if err := within(ctx, keeperTimeout, poll); err != nil {
			return fmt.Errorf("follow revoked sessions: %w", err)
		}
		if time.Since(filled) > refillSessions {
			filled = time.Now()
			if err := within(ctx, fillTimeout, fill); err != nil {
				return fmt.Errorf("read revoked sessions again: %w", err)
			}
		}
		if time.Since(expired) > expireSessions {
			expired = time.Now()
			if err := within(ctx, fillTimeout, expire); err != nil {
				return fmt.Errorf("delete expired sessions: %w", err)
			}
		}
	}
	return ctx.Err()
}

// forget drops the answers that are remembered: they may be another database's.
func (s *Store) forget() {
	s.hints.forget()
	s.searches.answers.forget()
	s.statistics.forget()
}

func (k *keeper) wantRecount() {
	select {
	case k.due <- struct{}{}:
	default:
	}
}

// count counts when it is wanted and every k.recount, as once does it. It rests after each count: transactions want one
// each, and counting a large table again and again would keep a processor of the database busy.
func (k *keeper) count(ctx context.Context, once func(context.Context) error) {
	tick := time.NewTicker(k.recount)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.due:
		case <-tick.C:
		}
		began := time.Now()
		switch err := once(ctx); {
		case err == nil:
			k.store.log.LogAttrs(ctx, slog.LevelDebug, "totals were counted")
			pause(ctx, recountRest*time.Since(began))
		case ctx.Err() == nil:
			k.store.log.LogAttrs(ctx, slog.LevelWarn, "totals could not be counted, trying again", slog.Any("error", err))
			pause(ctx, recountPause)
			k.wantRecount()
		}
	}
}

// countOnce counts on a new connection.
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

func within(ctx context.Context, d time.Duration, f func(context.Context) error) error {
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
