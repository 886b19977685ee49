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

// TestRecommendations runs the scripts in testdata/recommendations, each against a real mock of its own, which is made to
// misbehave in ways that rules are about: each must fire, and none without. Beside the commands of TestControls there is:
//
//	sql STATEMENT   changes the mock's database, at DATABASE
func TestRecommendations(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"load_recommendations", "load_recommendations_database"} {
		t.Run(name, func(t *testing.T) {
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
				Files:               []string{"testdata/recommendations/" + name + ".txtar"},
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
		})
	}
}
