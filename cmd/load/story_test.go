package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/medianest/testbed/cmd/load/internal/client/tiny"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/suite/librarytest"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/schema/schematest"
)

func TestMain(m *testing.M) {
	tiny.ServeIfChild()
	beEngineIfPeer()
	// The race detector would let each program linger for a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"load": main})
}

// TestStories runs the scripts in testdata, which are the command's manual too. Each has a server of its own, whose
// answers look like the API's, at BASE_URL, and a second one like it at TWIN_URL. Beside the commands of testscript there are:
//
//	answers WORD               how the servers answer from now on: well, broken (500 but for /health), ill (500), with
//	                           lies (they name a dataset, and their rows are others), as library (its rows are right) or
//	                           unnamed (the same, and /health tells of no dataset); or they differ in which one it tells
//	database                   makes a database, named by OBSERVED_DATABASE with the password OBSERVED_PASSWORD, that the server
//	                           asks twice for GET /api/v1/media; it then also has /metrics
//	gone [twin]                stops the server, or the second one
//	exits CODE load ARGS...    runs load, which has to exit with the code, or one of several, as in 1|4
//	start load ARGS...         starts load
//	await PATTERN FILE         waits until the file has the pattern in it; the output of start is in start.out and start.err
//	signal NAME                sends INT or KILL to what was started
//	ended CODE                 waits for its end; its output is the output then
//	patch CODE BODY            sends BODY to the API that start.err tells of, prints the answer, and wants its status
//	result FILE NAME=VALUE...  writes a result file: see storedResult
//	scrape PATTERN             requests the URL that start.err tells of, and wants the pattern in the answer
func TestStories(t *testing.T) {
	t.Parallel()
	seed, asOf := uint64(1), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	dataset, err := verify.Dataset(verify.Wanted{Profile: "smoke", Seed: &seed, AsOf: &asOf}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := url.Parse(librarytest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	library := httputil.NewSingleHostReverseProxy(rows)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			s := &story{fingerprint: dataset.Fingerprint(), t: env.T().(testing.TB)}
			s.library = library
			s.server, s.twin = httptest.NewServer(http.HandlerFunc(s.answer)), httptest.NewServer(http.HandlerFunc(s.answerAsTwin))
			env.Defer(s.close)
			env.Values[storyKey{}] = s
			env.Setenv("BASE_URL", s.server.URL)
			env.Setenv("TWIN_URL", s.twin.URL)
			env.Setenv("GITHUB_STEP_SUMMARY", "")
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"answers": inStory((*story).answers), "gone": inStory((*story).gone), "exits": inStory((*story).exits), "start": inStory((*story).start),
			"await": inStory((*story).await), "signal": inStory((*story).signal), "ended": inStory((*story).end), "scrape": inStory((*story).scrape),
			"patch": inStory((*story).patch), "database": inStory((*story).database), "result": inStory((*story).result),
		},
	})
}

// patience bounds each wait of a story; nothing in it takes long unless it hangs.
const patience = 2 * time.Minute

// unhurried lets a mock that a test starts wait for its database where the machine is busy with other tests.
const unhurried = "MEDIANEST_REQUEST_TIMEOUT=10s"

type storyKey struct{}

// story is what the commands of one script share.
type story struct {
	t            testing.TB
	server, twin *httptest.Server
	library      http.Handler
	mode         atomic.Value                 // string
	pool         atomic.Pointer[pgxpool.Pool] // of the story's database
	// fingerprint is that of the smoke dataset, which the server names when it lies.
	fingerprint string
	cmd         *exec.Cmd
	ended       chan struct{}
}

func inStory(do func(*story, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("! does not go with this command")
		}
		do(ts.Value(storyKey{}).(*story), ts, args)
	}
}

func (s *story) answerAsTwin(w http.ResponseWriter, r *http.Request) {
	if s.mode.Load() == "differ" && r.URL.Path == "/health" {
		fmt.Fprint(w, `{"dataset":{"fingerprint":"twin","profile":"smoke","seed":2,"asOf":"2026-01-01T00:00:00Z","complete":true}}`)
		return
	}
	s.answer(w, r)
}

func (s *story) answer(w http.ResponseWriter, r *http.Request) {
	mode := s.mode.Load()
	if mode == "library" || mode == "unnamed" && r.URL.Path != "/health" {
		s.library.ServeHTTP(w, r)
		return
	}
	if mode == "ill" || mode == "broken" && r.URL.Path != "/health" {
		w.WriteHeader(http.StatusInternalServerError)
	}
	if pool := s.pool.Load(); pool != nil {
		switch r.URL.Path {
		case "/metrics":
			promhttp.Handler().ServeHTTP(w, r)
			return
		case "/api/v1/media":
			for range 2 {
				if _, err := pool.Exec(r.Context(), "SELECT $1::text AS library", r.URL.RawQuery); err != nil {
					w.WriteHeader(http.StatusInternalServerError)
				}
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if (mode == "lies" || mode == "differ") && r.URL.Path == "/health" {
		fmt.Fprintf(w, `{"status":"ok","dataset":{"fingerprint":%q,"profile":"smoke","seed":1,"asOf":"2026-01-01T00:00:00Z","complete":true}}`, s.fingerprint)
		return
	}
	fmt.Fprint(w, `{"success":true,"status":"ok","token":"t","id":1,"data":[{"id":1}],"results":[]}`)
}

func (s *story) answers(_ *testscript.TestScript, args []string) { s.mode.Store(args[0]) }

func (s *story) database(ts *testscript.TestScript, _ []string) {
	dsn := schematest.NewEmpty(s.t)
	u, err := url.Parse(dsn)
	ts.Check(err)
	password, _ := u.User.Password()
	ts.Setenv("OBSERVED_DATABASE", dsn)
	ts.Setenv("OBSERVED_PASSWORD", password)
	pool, err := pgxpool.New(s.t.Context(), dsn)
	ts.Check(err)
	ts.Defer(pool.Close)
	s.pool.Store(pool)
}

func (s *story) gone(_ *testscript.TestScript, args []string) {
	if len(args) > 0 {
		s.twin.Close()
		return
	}
	s.server.Close()
}

// command runs a program in the script's environment: what make, CI or a user has set for load is not for it.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MEDIANEST_") || strings.HasPrefix(v, "TIME_SCALE=") })
	for _, name := range []string{
		"BASE_URL", "AUTH_SERVICE_URL", "MEDIA_SERVICE_URL", "USER_SERVICE_URL", "NOTIFICATION_SERVICE_URL", "MEDIANEST_DATASET",
		"GITHUB_STEP_SUMMARY", "MEDIANEST_QUIET", "MEDIANEST_HISTORY", "MEDIANEST_OBSERVE_DATABASE", "NO_COLOR", "PATH", "TMPDIR", "MEDIANEST_FAULTS", "DATABASE_URL",
	} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Env = append(cmd.Env, unhurried)
	return cmd
}

func (s *story) exits(ts *testscript.TestScript, args []string) {
	cmd := command(ts, args[1:])
	var out, log strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &log
	_ = cmd.Run() // its code is what matters
	fmt.Fprint(ts.Stdout(), out.String())
	fmt.Fprint(ts.Stderr(), log.String())
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); !slices.Contains(strings.Split(args[0], "|"), got) {
		ts.Fatalf("%v exited with %s, want %s:\n%s\n%s", args[1:], got, args[0], out.String(), log.String())
	}
}

func (s *story) start(ts *testscript.TestScript, args []string) {
	out, err := os.Create(ts.MkAbs("start.out"))
	ts.Check(err)
	defer out.Close()
	log, err := os.Create(ts.MkAbs("start.err"))
	ts.Check(err)
	defer log.Close()
	s.cmd = command(ts, args)
	s.cmd.Stdout, s.cmd.Stderr = out, log
	ts.Check(s.cmd.Start())
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan<- struct{}) {
		_ = cmd.Wait() // its code is in ProcessState
		close(ended)
	}(s.cmd, s.ended)
}

func (s *story) await(ts *testscript.TestScript, args []string) {
	pattern := regexp.MustCompile(args[0])
	for limit := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		data, err := os.ReadFile(ts.MkAbs(args[1]))
		if err == nil && pattern.Match(data) {
			return
		}
		select {
		case <-s.ended:
			ts.Fatalf("load ended before %s was in %s:\n%s%s", args[0], args[1], ts.ReadFile("start.out"), ts.ReadFile("start.err"))
		default:
		}
		if time.Now().After(limit) {
			ts.Fatalf("%s is not in %s:\n%s", args[0], args[1], data)
		}
	}
}

func (s *story) signal(ts *testscript.TestScript, args []string) {
	ts.Check(s.cmd.Process.Signal(map[string]syscall.Signal{"INT": syscall.SIGINT, "KILL": syscall.SIGKILL}[args[0]]))
}

func (s *story) end(ts *testscript.TestScript, args []string) {
	select {
	case <-s.ended:
	case <-time.After(patience):
		ts.Fatalf("load did not end:\n%s", ts.ReadFile("start.err"))
	}
	fmt.Fprint(ts.Stdout(), ts.ReadFile("start.out"))
	fmt.Fprint(ts.Stderr(), ts.ReadFile("start.err"))
	if got := strconv.Itoa(s.cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("load ended with %s, want %s", got, args[0])
	}
}

func (s *story) scrape(ts *testscript.TestScript, args []string) {
	address := strings.TrimPrefix(regexp.MustCompile(`url=http://[0-9.:]+/\S*`).FindString(ts.ReadFile("start.err")), "url=")
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	resp, err := client.Get(address)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if !regexp.MustCompile(args[0]).Match(body) {
		ts.Fatalf("%s is not in\n%s", args[0], body)
	}
}

func (s *story) patch(ts *testscript.TestScript, args []string) {
	address := regexp.MustCompile(`address=(\S+)`).FindStringSubmatch(ts.ReadFile("start.err"))
	r, err := http.NewRequest(http.MethodPatch, "http://"+address[1]+"/v1/status", strings.NewReader(args[1]))
	ts.Check(err)
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s", body)
	if got := strconv.Itoa(resp.StatusCode); got != args[0] {
		ts.Fatalf("the API answered with %s, want %s: %s", got, args[0], body)
	}
}

func (s *story) close() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill() // most have ended by themselves
		<-s.ended
	}
	s.server.Close()
	s.twin.Close()
}

func TestExitCodesAreDocumented(t *testing.T) {
	help := cli{}.Help()
	for _, code := range []int{
		report.ExitFine, report.ExitFailed, report.ExitUsage, report.ExitEnvironment, report.ExitInvalid, report.ExitThresholdsCrossed, report.ExitInterrupted,
	} {
		if !regexp.MustCompile(`(?m)^    ` + strconv.Itoa(code) + ` +[a-z]`).MatchString(help) {
			t.Errorf("exit code %d is not in the help", code)
		}
	}
}
