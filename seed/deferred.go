package seed

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Kinds of Deferred.
const (
	kindIndex      = "index"
	kindForeignKey = "foreign key"
)

const notValid = " NOT VALID"

// deferObjects drops, within a transaction, the secondary indexes of some tables, the foreign keys from
// referring tables and those to referred ones, and records their definitions. A definition recorded earlier
// stays: it is the original, whatever has been restored since.
//
// Indexes that belong to a constraint stay in place; primary keys are the business of bulkUnit.
func deferObjects(ctx context.Context, tx pgx.Tx, indexed, referring, referred []string) error {
	owed, err := collectDeferred(ctx, tx, `SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, '`+kindIndex+`', pg_get_indexdef(i.indexrelid)
		FROM pg_index i
		WHERE i.indrelid IN (SELECT to_regclass(name) FROM unnest($1::text[]) name)
		AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
		ORDER BY 1, 2`, quoteAll(indexed))
	if err != nil {
		return fmt.Errorf("read index definitions: %w", err)
	}
	keys, err := collectDeferred(ctx, tx, `SELECT c.conrelid::regclass::text, quote_ident(c.conname), '`+kindForeignKey+`', pg_get_constraintdef(c.oid)
		FROM pg_constraint c
		WHERE c.contype = 'f' AND c.conparentid = 0
		AND (c.conrelid IN (SELECT to_regclass(name) FROM unnest($1::text[]) name)
			OR c.confrelid IN (SELECT to_regclass(name) FROM unnest($2::text[]) name))
		ORDER BY 1, 2`, quoteAll(referring), quoteAll(referred))
	if err != nil {
		return fmt.Errorf("read foreign key definitions: %w", err)
	}
	// Foreign keys go first: one may rest on an index.
	for _, d := range append(keys, owed...) {
		_, err := tx.Exec(ctx, `INSERT INTO seed_deferred (table_name, name, kind, definition) VALUES ($1, $2, $3, $4)
			ON CONFLICT DO NOTHING`, d.Table, d.Name, d.Kind, d.Definition)
		if err != nil {
			return fmt.Errorf("record the definition of %s %s: %w", d.Kind, d.Name, err)
		}
		drop := "DROP INDEX " + d.Name
		if d.Kind == kindForeignKey {
			drop = "ALTER TABLE " + d.Table + " DROP CONSTRAINT " + d.Name
		}
		if _, err := tx.Exec(ctx, drop); err != nil {
			return fmt.Errorf("drop %s %s: %w", d.Kind, d.Name, err)
		}
	}
	return nil
}

func collectDeferred(ctx context.Context, q querier, sql string, args ...any) ([]Deferred, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Deferred])
}

// readDeferred returns what is owed, indexes first.
func readDeferred(ctx context.Context, q querier) ([]Deferred, error) {
	owed, err := collectDeferred(ctx, q, "SELECT table_name, name, kind, definition FROM seed_deferred ORDER BY kind DESC, table_name, name")
	if err != nil {
		return nil, ledgerError(err)
	}
	return owed, nil
}

// buildIndex builds an index that is owed, unless it is there.
func buildIndex(ctx context.Context, conn *pgx.Conn, d Deferred) error {
	return inTransaction(ctx, conn, func(tx pgx.Tx) error {
		var there bool
		if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", d.Name).Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := tx.Exec(ctx, d.Definition); err != nil {
				return err
			}
		}
		return settle(ctx, tx, d)
	})
}

// referred returns the table that a foreign key refers to.
func referred(d Deferred) string {
	_, rest, _ := strings.Cut(d.Definition, " REFERENCES ")
	table, _, _ := strings.Cut(rest, "(")
	return table
}

// addForeignKey adds a foreign key that is owed, unless it is there. With validate the rows are checked, and
// the key is owed no longer; without, it holds for new rows only and stays owed.
//
// Both columns being indexed and, if frozen, the rows known to be visible to all, walking the two indexes
// side by side takes a third of the time that the planner's choice does: hashing all keys.
func addForeignKey(ctx context.Context, conn *pgx.Conn, d Deferred, validate, frozen bool) error {
	return inTransaction(ctx, conn, func(tx pgx.Tx) error {
		there, valid, err := foreignKeyState(ctx, tx, d)
		if err != nil {
			return err
		}
		if frozen {
			if _, err := tx.Exec(ctx, "SET LOCAL enable_hashjoin = off"); err != nil {
				return err
			}
		}
		wasValid := !strings.HasSuffix(d.Definition, notValid)
		statement := ""
		switch {
		case !there && validate:
			statement = "ALTER TABLE " + d.Table + " ADD CONSTRAINT " + d.Name + " " + d.Definition
		case !there:
			statement = "ALTER TABLE " + d.Table + " ADD CONSTRAINT " + d.Name + " " + strings.TrimSuffix(d.Definition, notValid) + notValid
		case validate && !valid && wasValid:
			statement = "ALTER TABLE " + d.Table + " VALIDATE CONSTRAINT " + d.Name
		}
		if statement != "" {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		if !validate {
			return nil
		}
		return settle(ctx, tx, d)
	})
}

func foreignKeyState(ctx context.Context, q querier, d Deferred) (there, valid bool, err error) {
	err = q.QueryRow(ctx, `SELECT count(*) > 0, coalesce(bool_and(convalidated), false) FROM pg_constraint
		WHERE conrelid = to_regclass($1) AND quote_ident(conname) = $2 AND contype = 'f'`, d.Table, d.Name).Scan(&there, &valid)
	return there, valid, err
}

// settle records that d is owed no longer.
func settle(ctx context.Context, tx pgx.Tx, d Deferred) error {
	_, err := tx.Exec(ctx, "DELETE FROM seed_deferred WHERE table_name = $1 AND name = $2", d.Table, d.Name)
	return err
}

// inTransaction runs do in a transaction of conn. A rollback that fails leaves nothing behind either: the
// session is gone then.
func inTransaction(ctx context.Context, conn *pgx.Conn, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, conn, do)
}

func quoteAll(names []string) []string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return quoted
}
