package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// Statistics are worked out by real joins over the window, which takes tenths of a second at a million files,
// and shared by everybody who asks for the same: one computation at a time, on a connection of its own, so
// that neither the pool nor the other core is taken from requests. An answer is fresh for at least
// statisticsFresh, and for long enough that computing it anew takes a 20th of the time at most; an older one
// is still given out while the next is worked out. ComputedAt tells its age.
const (
	statisticsFresh   = 5 * time.Second
	statisticsShare   = 20
	statisticsStale   = 10 // times as long as it was fresh
	statisticsEntries = 64 // different questions that are remembered or being worked out
	topRows           = 10
)

type statistics struct {
	mu      sync.Mutex
	entries map[mockapi.StatisticsQuery]*statisticsEntry
	turn    chan struct{} // held by the computation under way
}

type statisticsEntry struct {
	value     mockapi.MediaStatistics
	err       error
	freshTill time.Time
	staleTill time.Time
	done      chan struct{} // closed when the computation under way ends; nil while none is
}

func (t *statistics) init() {
	t.entries = make(map[mockapi.StatisticsQuery]*statisticsEntry)
	t.turn = make(chan struct{}, 1)
}

// MediaStatistics implements mockapi.AnalyticsStore.
func (s *Store) MediaStatistics(ctx context.Context, q mockapi.StatisticsQuery) (mockapi.MediaStatistics, error) {
	t, timing := &s.statistics, mockapi.TimingFrom(ctx)
	now := time.Now()
	t.mu.Lock()
	e := t.entries[q]
	if e == nil {
		if t.drop(now); len(t.entries) >= statisticsEntries {
			t.mu.Unlock()
			return mockapi.MediaStatistics{}, &mockapi.Error{
				Code: mockapi.CodeUnavailable, RetryAfter: statisticsFresh,
				Message: "too many different statistics are asked for at once: try again shortly",
			}
		}
		e = new(statisticsEntry)
		t.entries[q] = e
	}
	if now.Before(e.freshTill) {
		defer t.mu.Unlock()
		timing.AddCache(true)
		return e.value, nil
	}
	if e.done == nil {
		e.done = make(chan struct{})
		s.keeper.running.Go(func() { s.computeStatistics(q, e) })
	}
	if now.Before(e.staleTill) {
		defer t.mu.Unlock()
		timing.AddCache(true)
		return e.value, nil
	}
	timing.AddCache(false)
	done := e.done
	t.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, s.heavy.timeout)
	defer cancel()
	select {
	case <-ctx.Done():
		return mockapi.MediaStatistics{}, s.translate("compute media statistics", ctx.Err())
	case <-done:
		t.mu.Lock()
		defer t.mu.Unlock()
		return e.value, e.err
	}
}

// drop makes room where there is none: what is neither being computed nor fresh is forgotten.
func (t *statistics) drop(now time.Time) {
	if len(t.entries) < statisticsEntries {
		return
	}
	for q, e := range t.entries {
		if e.done == nil && now.After(e.freshTill) {
			delete(t.entries, q)
		}
	}
}

// forget drops everything. What is being worked out is given to those who wait for it, and to nobody after them.
func (t *statistics) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.entries)
}

func (s *Store) computeStatistics(q mockapi.StatisticsQuery, e *statisticsEntry) {
	t := &s.statistics
	var value mockapi.MediaStatistics
	var took time.Duration
	var err error
	ctx := s.keeper.life
	select {
	case t.turn <- struct{}{}:
		start := time.Now()
		value, err = s.readStatistics(ctx, q)
		took = time.Since(start)
		<-t.turn
	case <-ctx.Done():
		err = ctx.Err()
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.err = nil; err != nil {
		e.err = s.translate("compute media statistics", err)
	} else {
		fresh := max(statisticsFresh, statisticsShare*took)
		e.value, e.freshTill, e.staleTill = value, now.Add(fresh), now.Add(statisticsStale*fresh)
	}
	close(e.done)
	e.done = nil
}

// readStatistics runs the queries on one snapshot.
func (s *Store) readStatistics(ctx context.Context, q mockapi.StatisticsQuery) (found mockapi.MediaStatistics, err error) {
	ctx, cancel := context.WithTimeout(ctx, recountTimeout)
	defer cancel()
	c, err := pgx.ConnectConfig(ctx, s.keeper.config)
	if err != nil {
		return found, err
	}
	defer closeConn(c)
	err = pgx.BeginTxFunc(ctx, c, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		found, err = queryStatistics(ctx, tx, q, time.Now())
		return err
	})
	return found, err
}

func queryStatistics(ctx context.Context, tx querier, q mockapi.StatisticsQuery, now time.Time) (mockapi.MediaStatistics, error) {
	const (
		// A sum that no bigint holds must not fail everybody's statistics: sums end where numbers do.
		most   = "9007199254740991" // mockapi.MaxNumber
		sums   = "count(*), least(sum(m.size), " + most + ")::bigint, least(sum(m.view_count), " + most + ")::bigint"
		window = " m.created_at >= $1 AND m.created_at < $2 "
		types  = "SELECT m.mime_type, " + sums + " FROM media_files m WHERE" + window + "GROUP BY 1 ORDER BY 1"
		days   = "SELECT to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), " + sums + " FROM media_files m WHERE" + window + "GROUP BY 1 ORDER BY 1"
		owners = "SELECT u.id, u.name, " + sums + " FROM media_files m JOIN users u ON u.id = m.user_id WHERE" + window +
			"GROUP BY u.id ORDER BY count(*) DESC, u.id LIMIT $3"
		collections = "SELECT c.id, c.name, " + sums + " FROM media_files m JOIN collection_items i ON i.media_id = m.id " +
			"JOIN collections c ON c.id = i.collection_id AND c.is_public WHERE" + window + "GROUP BY c.id ORDER BY count(*) DESC, c.id LIMIT $3"
		tags = "SELECT t.id, t.name, " + sums + " FROM media_files m JOIN media_tags x ON x.media_id = m.id JOIN tags t ON t.id = x.tag_id WHERE" +
			window + "GROUP BY t.id ORDER BY count(*) DESC, t.id LIMIT $3"
	)
	until := now.UTC().Truncate(time.Microsecond)
	found := mockapi.MediaStatistics{
		Since: until.Add(-q.Timeframe), Until: until, ComputedAt: until,
		ByType: []mockapi.MediaTypeTotals{}, ByDay: []mockapi.MediaDayTotals{},
	}
	args := planned([]any{found.Since, until})
	top := append(args, topRows)
	_, err := query(ctx, tx, types, args, func(r *row) {
		t := mockapi.MediaTypeTotals{MimeType: r.text(), MediaTotals: scanTotals(r)}
		found.ByType = append(found.ByType, t)
		found.Totals.Files += t.Files
		found.Totals.Bytes += t.Bytes
		found.Totals.Views += t.Views
	})
	if err != nil {
		return found, err
	}
	_, err = query(ctx, tx, days, args, func(r *row) {
		found.ByDay = append(found.ByDay, mockapi.MediaDayTotals{Day: r.text(), MediaTotals: scanTotals(r)})
	})
	if err == nil && q.Owners {
		found.Owners = []mockapi.OwnerTotals{}
		_, err = query(ctx, tx, owners, top, func(r *row) {
			found.Owners = append(found.Owners, mockapi.OwnerTotals{UserID: r.int64(), Name: r.text(), MediaTotals: scanTotals(r)})
		})
	}
	if err == nil && q.Collections {
		found.Collections = []mockapi.CollectionTotals{}
		_, err = query(ctx, tx, collections, top, func(r *row) {
			found.Collections = append(found.Collections, mockapi.CollectionTotals{CollectionID: r.int64(), Name: r.text(), MediaTotals: scanTotals(r)})
		})
	}
	if err == nil && q.Tags {
		found.Tags = []mockapi.TagTotals{}
		_, err = query(ctx, tx, tags, top, func(r *row) {
			found.Tags = append(found.Tags, mockapi.TagTotals{TagID: r.int64(), Name: r.text(), MediaTotals: scanTotals(r)})
		})
	}
	return found, err
}

func scanTotals(r *row) mockapi.MediaTotals {
	return mockapi.MediaTotals{Files: r.int64(), Bytes: r.int64(), Views: r.int64()}
}
