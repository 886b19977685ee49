// Package verify compares a seeded database with the dataset that its ledger says it holds: references,
// named invariants, numbers of rows, and every weight of the profile.
//
// What tests have added since seeding is left out, so that a database can be verified after a load test as
// well as before. What they have changed in or deleted from the seeded rows is reported.
package verify

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// Defaults of Options.
const (
	DefaultConnections      = 2
	DefaultStatementTimeout = 10 * time.Minute
)

// Options are the settings of Run. The zero value means the defaults.
type Options struct {
	// Content asks for the checksums of all rows to be worked out again and compared with the ledger.
	Content bool
	// Connections is how many queries run at once; DefaultConnections if 0.
	Connections int
	// StatementTimeout bounds each query; DefaultStatementTimeout if 0.
	StatementTimeout time.Duration
}

// Run verifies the database at dsn. It changes nothing and sees one snapshot of it, so that it may run
// beside a load test. A database that is off is a Report that is not OK, and no error; errors are
// seed.ErrNotMigrated, seed.ErrNotSeeded, and those of the connection.
func Run(ctx context.Context, dsn string, o Options) (Report, error) {
	start := time.Now()
	if o.Connections <= 0 {
		o.Connections = DefaultConnections
	}
	if o.StatementTimeout <= 0 {
		o.StatementTimeout = DefaultStatementTimeout
	}
	readers, done, err := openReaders(ctx, dsn, o)
	if err != nil {
		return Report{}, err
	}
	defer done()
	report, runs, err := inspect(ctx, readers)
	if err != nil {
		return Report{}, err
	}
	done()
	if o.Content {
		if report.Content, err = compareContent(ctx, dsn, runs); err != nil {
			return Report{}, err
		}
	}
	report.OK = report.allOK()
	report.Seconds = time.Since(start).Seconds()
	return report, nil
}

// inspect finds out everything but the content.
func inspect(ctx context.Context, readers []pgx.Tx) (Report, []ledgerRun, error) {
	runs, err := readLedger(ctx, readers[0])
	if err != nil {
		return Report{}, nil, err
	}
	p := newPlan(runs)
	if err := work(ctx, readers, p.tasks()); err != nil {
		return Report{}, nil, err
	}
	return p.report(), runs, nil
}

// openReaders returns transactions on connections of their own that all see the same snapshot.
func openReaders(ctx context.Context, dsn string, o Options) (readers []pgx.Tx, done func(), err error) {
	var conns []*pgx.Conn
	closeAll := func() {
		for _, c := range conns {
			c.Close(context.WithoutCancel(ctx))
		}
		conns = nil
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, nil, fmt.Errorf("verify: %w", err)
	}
	config.RuntimeParams["application_name"] = "seed verify"
	config.RuntimeParams["statement_timeout"] = strconv.FormatInt(o.StatementTimeout.Milliseconds(), 10)
	// Hash joins of millions of ids stay in memory with this, and two connections bound the sum.
	config.RuntimeParams["work_mem"] = "128MB"
	var snapshot string
	for i := range o.Connections {
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return nil, nil, fmt.Errorf("verify: %w", err)
		}
		conns = append(conns, conn)
		tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		if err != nil {
			return nil, nil, fmt.Errorf("verify: begin: %w", err)
		}
		if i == 0 {
			err = tx.QueryRow(ctx, "SELECT pg_export_snapshot()").Scan(&snapshot)
		} else {
			// The snapshot's name comes from the server: digits, letters and dashes.
			_, err = tx.Exec(ctx, "SET TRANSACTION SNAPSHOT '"+snapshot+"'")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("verify: share a snapshot: %w", err)
		}
		readers = append(readers, tx)
	}
	return readers, closeAll, nil
}

// task is one piece of work on one connection.
type task func(ctx context.Context, tx pgx.Tx) error

// work lets the readers take tasks in order until all are done or one fails.
func work(ctx context.Context, readers []pgx.Tx, tasks []task) error {
	queue := make(chan task, len(tasks))
	for _, t := range tasks {
		queue <- t
	}
	close(queue)
	g, ctx := errgroup.WithContext(ctx)
	for _, tx := range readers {
		g.Go(func() error {
			for t := range queue {
				if err := t(ctx, tx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}
