package seed

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// writeScript writes what psql needs to load the files beside it as fast as one session can: the rows first,
// each table frozen and without its key, then indexes and foreign keys from the definitions that the
// database itself has, which are kept in seed_deferred meanwhile as Load keeps them.
//
// psql does not tell a script where it is. The script looks for its files in the working directory, where
// they are if somebody has moved them and gone there, and else in dir, where they have been written. What
// it looks for is itself, because the working directory may have the files of another dataset.
func writeScript(out io.Writer, ds Dataset, dir string, format Format, sums []uint64) error {
	plan, err := json.Marshal(ds.plan())
	if err != nil {
		return err
	}
	definition := string(ds.Definition)
	if definition == "" {
		definition = "{}"
	}
	var names, guards []string
	for _, t := range ds.Tables {
		names = append(names, quote(t.Schema.Name))
		guards = append(guards, "EXISTS (SELECT FROM "+quote(t.Schema.Name)+")")
	}
	var b strings.Builder
	fmt.Fprintf(&b, `-- Loads the %d rows in the files beside this script into a MediaNest database, whose schema must be there
-- (seed db migrate makes it) and whose tables must be empty. Run it from anywhere or, if the files have been moved, from where they are:
--
--     psql -f %s "$DATABASE_URL"
--
-- Dataset: %s, %s
\set ON_ERROR_STOP on
\set QUIET on
\o /dev/null
\set here %s
\if :here
\else
    \cd %s
\endif
SET client_min_messages = warning;
SET synchronous_commit = on;
SET maintenance_work_mem = '%s';
`, ds.Rows(), ScriptName, oneLine(ds.describe()), format,
		"`grep -qsF '"+ds.Fingerprint+"), "+string(format)+"' "+ScriptName+" && echo true || echo false`",
		"'"+strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(dir)+"'", maintenanceMemory)
	fmt.Fprintf(&b, `
DO $$ BEGIN
    IF %s THEN
        RAISE EXCEPTION 'the tables are not empty';
    END IF;
END $$;
`, strings.Join(guards, " OR "))
	fmt.Fprintf(&b, `
-- What is built after the rows. Definitions from a run of this script that failed stay as they are.
BEGIN;
INSERT INTO seed_deferred (table_name, name, kind, definition)
SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, '%[2]s', pg_get_indexdef(i.indexrelid)
FROM pg_index i
WHERE i.indrelid = ANY ('{%[1]s}'::regclass[])
AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT c.conrelid::regclass::text, quote_ident(c.conname), '%[3]s', pg_get_constraintdef(c.oid)
FROM pg_constraint c
WHERE c.contype = 'f' AND (c.conrelid = ANY ('{%[1]s}'::regclass[]) OR c.confrelid = ANY ('{%[1]s}'::regclass[]))
ON CONFLICT DO NOTHING;
SELECT format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS %%s', table_name, name) FROM seed_deferred WHERE kind = '%[3]s' \gexec
SELECT 'DROP INDEX IF EXISTS ' || name FROM seed_deferred WHERE kind = '%[2]s' \gexec
DELETE FROM seed_runs;
INSERT INTO seed_runs (id, fingerprint, profile, profile_digest, definition, seed, as_of, generator_version, plan)
VALUES (1,%[4]s,%[5]s,%[6]s,%[7]s, %[8]d, %[9]s, %[10]d,%[11]s);
COMMIT;
`, strings.Join(names, ","), kindIndex, kindForeignKey,
		quoteLiteral(ds.Fingerprint), quoteLiteral(ds.Profile), quoteLiteral(ds.ProfileDigest), quoteLiteral(definition),
		int64(ds.Seed), stamp(ds.AsOf), ds.GeneratorVersion, quoteLiteral(string(plan)))
	for i, t := range ds.Tables {
		name := quote(t.Schema.Name)
		with := "FORMAT csv, FREEZE"
		if format == FormatBinary {
			with = "FORMAT binary, FREEZE"
		}
		fmt.Fprintf(&b, `
BEGIN;
SELECT quote_ident(conname) AS key, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE conrelid = '%[1]s'::regclass AND contype = 'p' \gset
TRUNCATE %[1]s RESTART IDENTITY;
ALTER TABLE %[1]s DROP CONSTRAINT :key;
\copy %[1]s (%[2]s) FROM '%[3]s' WITH (%[4]s)
ALTER TABLE %[1]s ADD CONSTRAINT :key :definition;
`, name, strings.Join(columnNames(t.Schema), ", "), t.Schema.Name+format.extension(), with)
		if t.Schema.Identity {
			fmt.Fprintf(&b, "SELECT setval(pg_get_serial_sequence('%[1]s', 'id'), max(id)) FROM %[1]s HAVING max(id) IS NOT NULL;\n", name)
		}
		if t.Rows > 0 {
			fmt.Fprintf(&b, "INSERT INTO seed_units (run_id, table_name, first_row, row_count, checksum) VALUES (1, '%s', 0, %d, %d);\n",
				t.Schema.Name, t.Rows, int64(sums[i]))
		}
		b.WriteString("COMMIT;\n")
	}
	fmt.Fprintf(&b, `
SELECT definition FROM seed_deferred WHERE kind = '%[1]s' ORDER BY definition ~ 'USING gin' DESC, table_name, name \gexec
SELECT format('ALTER TABLE %%s ADD CONSTRAINT %%s %%s', table_name, name, definition) FROM seed_deferred WHERE kind = '%[2]s' ORDER BY table_name, name \gexec
DELETE FROM seed_deferred;
ANALYZE %[3]s;
UPDATE seed_runs SET finished_at = clock_timestamp();
`, kindIndex, kindForeignKey, strings.Join(names, ", "))
	_, err = io.WriteString(out, b.String())
	return err
}

// oneLine keeps a text within a comment of one line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, s)
}
