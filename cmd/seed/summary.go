package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/seed"
)

// loadReport is the JSON of a load. Its field names are stable.
type loadReport struct {
	// Outcome is loaded, resumed or already_done.
	Outcome string      `json:"outcome"`
	Dataset datasetName `json:"dataset"`
	Tables  []loadTable `json:"tables"`
	// Rows are those of the dataset, LoadedRows those that this command has loaded.
	Rows       int64 `json:"rows"`
	LoadedRows int64 `json:"loaded_rows"`
	// MediaBytes is the sum of the sizes of all media files of the database.
	MediaBytes     int64   `json:"media_bytes"`
	LoadSeconds    float64 `json:"load_seconds"`
	BuildSeconds   float64 `json:"build_seconds"`
	ElapsedSeconds float64 `json:"elapsed_seconds"`
	// RowsPerSecond is LoadedRows by ElapsedSeconds: indexes, foreign keys and statistics included.
	RowsPerSecond float64 `json:"rows_per_second"`
	// Database is the URL without its password.
	Database string `json:"database"`
}

type loadTable struct {
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
	Loaded   int64  `json:"loaded"`
	Checksum string `json:"checksum"`
}

// datasetName says which dataset something is about.
type datasetName struct {
	Profile     string    `json:"profile"`
	Seed        uint64    `json:"seed"`
	AsOf        time.Time `json:"as_of"`
	Fingerprint string    `json:"fingerprint"`
}

func nameOf(id seed.Identity) datasetName {
	return datasetName{Profile: id.Profile, Seed: id.Seed, AsOf: id.AsOf.UTC(), Fingerprint: id.Fingerprint}
}

func (n datasetName) String() string {
	return fmt.Sprintf("%s, seed %d, as of %s", n.Profile, n.Seed, n.AsOf.Format(time.RFC3339Nano))
}

// showLoad prints what a load has done.
func (a *app) showLoad(ctx context.Context, dsn string, res seed.Result) error {
	bytes, err := mediaBytes(ctx, dsn)
	if err != nil {
		return err
	}
	r := loadReport{
		Outcome: "loaded", Dataset: nameOf(res.Run.Identity), LoadedRows: res.Rows, MediaBytes: bytes,
		LoadSeconds: res.Load.Seconds(), BuildSeconds: res.Build.Seconds(), ElapsedSeconds: res.Elapsed.Seconds(),
		Database: withoutPassword(dsn),
	}
	switch {
	case res.AlreadyDone:
		r.Outcome = "already_done"
	case res.Resumed:
		r.Outcome = "resumed"
	}
	for _, t := range res.Tables {
		r.Tables = append(r.Tables, loadTable{Table: t.Table, Rows: t.Rows, Loaded: t.Loaded, Checksum: fmt.Sprintf("%016x", t.Checksum)})
		r.Rows += t.Rows
	}
	if res.Elapsed > 0 {
		r.RowsPerSecond = float64(res.Rows) / res.Elapsed.Seconds()
	}
	if a.JSON {
		return a.printJSON(r)
	}
	if a.Quiet {
		return nil
	}
	return a.printLoad(r)
}

func (a *app) printLoad(r loadReport) error {
	if r.Outcome == "already_done" {
		fmt.Fprintln(a.stdout, "nothing to do: the database holds this dataset")
	}
	t := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	for _, x := range r.Tables {
		fmt.Fprintf(t, "%s\t%14s\n", x.Table, count(x.Rows))
	}
	fmt.Fprintf(t, "rows in all\t%14s\n", count(r.Rows))
	fmt.Fprintf(t, "media\t%14s\n", size(float64(r.MediaBytes)))
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\ndataset      %s\nfingerprint  %s\n", r.Dataset, r.Dataset.Fingerprint)
	if r.Outcome != "already_done" {
		fmt.Fprintf(a.stdout, "time         %.1f s: rows %.1f s, indexes, foreign keys and statistics %.1f s; %s rows/s over all\n",
			r.ElapsedSeconds, r.LoadSeconds, r.BuildSeconds, count(int64(r.RowsPerSecond)))
	}
	fmt.Fprintf(a.stdout, "database     %s\n", r.Database)
	_, err := fmt.Fprintf(a.stdout, "\nNext: seed verify%s\n", a.databaseFlags())
	return err
}

// databaseFlags repeats the flags that name the database, for commands to type next. What the environment
// says needs no flag, and a URL, which may have a password in it, is not repeated.
func (a *app) databaseFlags() string {
	switch {
	case a.DatabaseURL != "" && a.DatabaseURL != os.Getenv("DATABASE_URL"):
		return " --database-url URL"
	case a.DatabaseURL == "" && a.PGDir != "" && os.Getenv("MEDIANEST_PG_DIR") == "":
		return " --pg-dir " + a.PGDir
	}
	return ""
}

func mediaBytes(ctx context.Context, dsn string) (sum int64, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := conn.QueryRow(ctx, "SELECT coalesce(sum(size), 0)::bigint FROM media_files").Scan(&sum); err != nil {
		return 0, fmt.Errorf("sum up the sizes of media files: %w", err)
	}
	return sum, nil
}

// filesReport is the JSON of --out. Its field names are stable.
type filesReport struct {
	Dataset        datasetName `json:"dataset"`
	Directory      string      `json:"directory"`
	Format         string      `json:"format"`
	Rows           int64       `json:"rows"`
	ElapsedSeconds float64     `json:"elapsed_seconds"`
}

// showFiles prints what has been written.
func (a *app) showFiles(ds seed.Dataset, dir string, format seed.Format, took time.Duration) error {
	r := filesReport{
		Dataset: nameOf(ds.Identity), Directory: dir, Format: string(format), Rows: ds.Rows(), ElapsedSeconds: took.Seconds(),
	}
	if a.JSON {
		return a.printJSON(r)
	}
	if a.Quiet {
		return nil
	}
	_, err := fmt.Fprintf(a.stdout, "wrote %s rows in %.1f s: %s, fingerprint %s\n\nNext: psql \"$DATABASE_URL\" -f %s\n",
		count(r.Rows), r.ElapsedSeconds, r.Dataset, r.Dataset.Fingerprint, filepath.Join(dir, "load.sql"))
	return err
}
