package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/medianest/testbed/schema/local"
	"github.com/medianest/testbed/schema/schematest"
)

// The stories in testdata run the real program and two that help to look at what it does.
func TestMain(m *testing.M) {
	// The race detector would let each of the many short programs below linger for a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"seed": main, "query": query, "exits": exits})
}

// TestStories runs testdata/*.txtar, each with an empty database of its own in DATABASE_URL.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATABASE_URL", schematest.NewEmpty(env.T().(testing.TB)))
			// Where a story does without a database URL, it gets a server of its own, in a directory that the
			// server's user may enter when the tests run as root.
			dir, err := os.MkdirTemp(local.TempDir(), "medianest-story-")
			if err != nil {
				return err
			}
			env.Defer(func() { os.RemoveAll(dir) })
			if err := os.Chmod(dir, 0o711); err != nil {
				return err
			}
			env.Setenv("MEDIANEST_PG_DIR", filepath.Join(dir, "postgres"))
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("AS_OF", "2026-01-31T12:00:00Z")
			return nil
		},
	})
}

// exits runs a program that must end with the given exit code: exits CODE PROGRAM [ARGUMENT...].
func exits() {
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != os.Args[1] {
		fmt.Fprintf(os.Stderr, "exits: the exit code is %s instead of %s\n", got, os.Args[1])
		os.Exit(1)
	}
}

// query prints the rows of a query, one a line, its columns between bars: query SQL [DATABASE_URL].
func query() {
	if err := printQuery(os.Args[1], os.Getenv("DATABASE_URL")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func printQuery(sql, dsn string) error {
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return err
		}
		line := make([]string, len(values))
		for i, v := range values {
			line[i] = fmt.Sprint(v)
		}
		fmt.Println(strings.Join(line, "|"))
	}
	return rows.Err()
}
