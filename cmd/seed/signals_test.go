package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/schema/schematest"
)

func TestFirstSignalCancelsSecondExits(t *testing.T) {
	codes := make(chan int, 1)
	ctx, stop := interruptible(io.Discard, func(code int) { codes <- code })
	defer stop()
	if err := ctx.Err(); err != nil {
		t.Fatalf("before any signal: %v", err)
	}
	signalSelf(t, syscall.SIGTERM)
	<-ctx.Done()
	select {
	case code := <-codes:
		t.Fatalf("the first signal exits with %d", code)
	default:
	}
	signalSelf(t, syscall.SIGINT)
	if code := <-codes; code != 130 {
		t.Errorf("the second signal exits with %d, want 130", code)
	}
}

func signalSelf(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(syscall.Getpid(), s); err != nil {
		t.Fatal(err)
	}
}

// A load is interrupted in the middle: some tables are in, comments are being loaded. The same command
// finishes it, and the rows are those of an undisturbed load.
func TestInterruptedLoadIsFinishedByTheSameCommand(t *testing.T) {
	dsn := schematest.New(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	execute := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	// The first comment waits for a lock that the test holds.
	execute(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_lock(4711); RETURN NEW; END';
		CREATE TRIGGER hold BEFORE INSERT ON comments FOR EACH ROW EXECUTE FUNCTION hold();
		SELECT pg_advisory_lock(4711)`)

	command := func() (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
		cmd := exec.Command("seed", "--profile", "smoke", "--seed", "3", "--workers", "1", "--json", "--database-url", dsn)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		return cmd, &stdout, &stderr
	}
	first, _, stderr := command()
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- first.Wait() }()
	for waiting := false; !waiting; {
		select {
		case err := <-ended:
			t.Fatalf("the load ended before it was interrupted: %v\n%s", err, stderr)
		default:
		}
		err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted)`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := <-ended; !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Fatalf("interrupted load: %v, want exit code 130\n%s", err, stderr)
	}
	for _, want := range []string{"stopping cleanly", "interrupted: "} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("stderr lacks %q:\n%s", want, stderr)
		}
	}
	execute(`DROP TRIGGER hold ON comments; SELECT pg_advisory_unlock(4711)`)
	var units int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM seed_units").Scan(&units); err != nil {
		t.Fatal(err)
	}
	if units == 0 || units >= len(schema.Tables())-1 {
		t.Errorf("%d tables are committed, want some but not all", units)
	}

	second, stdout, stderr := command()
	if err := second.Run(); err != nil {
		t.Fatalf("resumed load: %v\n%s", err, stderr)
	}
	var report loadReport
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if report.Outcome != "resumed" || report.LoadedRows >= report.Rows {
		t.Errorf("outcome %s with %d of %d rows, want resumed with fewer", report.Outcome, report.LoadedRows, report.Rows)
	}
	check := exec.Command("seed", "verify", "--content", "--database-url", dsn)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("verify after resuming: %v\n%s", err, out)
	}
}
