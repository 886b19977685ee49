package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/medianest/testbed/schema/schematest"
)

// TestRecommendations runs the script in testdata/recommendations against a real mock, which is made to misbehave in
// ways that rules are about: each must fire, and none without. Beside the commands of TestControls there is:
//
//	sql STATEMENT   changes the mock's database, at DATABASE
func TestRecommendations(t *testing.T) {
	t.Parallel()
	database := schematest.NewEmpty(t)
	mock := startMock(t, database)
	commands := controls()
	commands["sql"] = func(ts *testscript.TestScript, _ bool, args []string) {
		conn, err := pgx.Connect(context.Background(), database)
		ts.Check(err)
		defer conn.Close(context.Background())
		_, err = conn.Exec(context.Background(), strings.Join(args, " "))
		ts.Check(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/recommendations",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Values[storyKey{}] = &story{}
			env.Setenv("BASE_URL", mock)
			env.Setenv("DATABASE", database)
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Cmds: commands,
	})
}
