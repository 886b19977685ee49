package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/medianest/testbed/schema/local"
	"github.com/medianest/testbed/schema/schematest"
)

func TestMain(m *testing.M) {
	// The race detector would let each program linger for a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"mockapi": main})
}

// TestStories runs the scripts in testdata, which are the command's manual too. Each has an empty database of
// its own, named by DATABASE_URL, and a directory for a private server, named by PG_DIR. Beside the commands of
// testscript there are:
//
//	start ARGS...              starts mockapi with ARGS, and waits until it prints where it listens: $URL
//	request METHOD PATH [BODY] sends a request with $TOKEN, and prints status and body
//	until PATTERN METHOD PATH  sends a request until its answer has the pattern, and prints that
//	follow PATH                opens a stream, waits until it has begun, and leaves it open
//	upload begin|end           begins to upload a file, and sends the rest of it
//	await PATTERN              waits until the started mockapi has logged the pattern
//	hang-up                    ends the standard input of the started mockapi
//	signal NAME                sends INT or TERM to the started mockapi
//	ended CODE                 waits for the end of the started mockapi, whose output is the output then
//	refused                    waits until nobody listens at $URL
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			dir, err := os.MkdirTemp(local.TempDir(), "medianest-mockapi-*")
			if err != nil {
				return err
			}
			env.Defer(func() { _ = os.RemoveAll(dir) })
			if err := os.Chmod(dir, 0o755); err != nil {
				return err
			}
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("PG_DIR", filepath.Join(dir, "postgres"))
			env.Setenv("DATABASE_URL", schematest.NewEmpty(env.T().(testing.TB)))
			s := &story{}
			env.Values[storyKey{}] = s
			env.Defer(s.kill)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": inStory((*story).start), "request": inStory((*story).request), "until": inStory((*story).until),
			"follow": inStory((*story).follow), "upload": inStory((*story).upload), "await": inStory((*story).await),
			"signal": inStory((*story).signal), "hang-up": inStory((*story).hangUp), "ended": inStory((*story).end),
			"refused": inStory((*story).refused),
		},
	})
}

// patience bounds each wait of a story; nothing in it takes long unless it hangs.
const patience = 2 * time.Minute

// unhurried lets a mock wait for its database where the machine is busy with other tests.
const unhurried = "MEDIANEST_REQUEST_TIMEOUT=10s"

type storyKey struct{}

// story is what the commands of one script share.
type story struct {
	cmd   *exec.Cmd // its output is in the files start.out and start.err
	ended chan struct{}
	stdin io.Closer

	rest     func() error // sends the rest of the upload
	uploaded chan string
}

func inStory(do func(*story, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("! does not go with this command")
		}
		do(ts.Value(storyKey{}).(*story), ts, args)
	}
}

var url = regexp.MustCompile(`http://[0-9.:]+`)

func (s *story) start(ts *testscript.TestScript, args []string) {
	s.ended = make(chan struct{})
	out, err := os.Create(ts.MkAbs("start.out"))
	ts.Check(err)
	defer out.Close()
	log, err := os.Create(ts.MkAbs("start.err"))
	ts.Check(err)
	defer log.Close()
	s.cmd = exec.Command("mockapi", args...)
	s.cmd.Stdout, s.cmd.Stderr = out, log
	s.cmd.Dir, s.cmd.Env = ts.MkAbs("."), append(os.Environ(), unhurried)
	for _, name := range []string{"DATABASE_URL", "MEDIANEST_PG_DIR", "MEDIANEST_PROFILE", "MEDIANEST_ADDR", "JWT_SECRET", "MEDIANEST_ACCESS_LOG"} {
		s.cmd.Env = append(s.cmd.Env, name+"="+ts.Getenv(name))
	}
	s.stdin, err = s.cmd.StdinPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	go func(cmd *exec.Cmd, ended chan<- struct{}) {
		_ = cmd.Wait() // its code is in ProcessState
		close(ended)
	}(s.cmd, s.ended)
	s.eventually(ts, "say where it listens", func() bool {
		found := url.FindString(ts.ReadFile("start.out"))
		ts.Setenv("URL", found)
		return found != "" && strings.HasSuffix(ts.ReadFile("start.out"), "\n")
	})
}

// eventually waits until done, and fails when the started mockapi ends first.
func (s *story) eventually(ts *testscript.TestScript, what string, done func() bool) {
	for limit := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		gone := false
		select {
		case <-s.ended:
			gone = true
		default:
		}
		if done() {
			return
		}
		if gone || time.Now().After(limit) {
			ts.Fatalf("mockapi did not %s:\n%s%s", what, ts.ReadFile("start.out"), ts.ReadFile("start.err"))
		}
	}
}

func (s *story) await(ts *testscript.TestScript, args []string) {
	pattern := regexp.MustCompile(args[0])
	s.eventually(ts, "log "+args[0], func() bool { return pattern.MatchString(ts.ReadFile("start.err")) })
}

func (s *story) request(ts *testscript.TestScript, args []string) {
	fmt.Fprintln(ts.Stdout(), s.ask(ts, args))
}

func (s *story) until(ts *testscript.TestScript, args []string) {
	pattern, answer := regexp.MustCompile(args[0]), ""
	s.eventually(ts, "answer "+args[0], func() bool {
		answer = s.ask(ts, args[1:])
		return pattern.MatchString(answer)
	})
	fmt.Fprintln(ts.Stdout(), answer)
}

func (s *story) follow(ts *testscript.TestScript, args []string) {
	resp, err := http.Get(ts.Getenv("URL") + args[0])
	ts.Check(err)
	ts.Defer(func() { _ = resp.Body.Close() })
	first := make([]byte, 1)
	_, err = io.ReadFull(resp.Body, first)
	ts.Check(err)
}

// ask sends a request and returns the status and the body of its answer.
func (s *story) ask(ts *testscript.TestScript, args []string) string {
	var body io.Reader
	if len(args) > 2 {
		body = strings.NewReader(args[2])
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, args[0], ts.Getenv("URL")+args[1], body)
	ts.Check(err)
	r.Header.Set("Content-Type", "application/json")
	if token := ts.Getenv("TOKEN"); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := send(http.DefaultClient, r)
	ts.Check(err)
	if found := regexp.MustCompile(`"token":"([^"]+)"`).FindStringSubmatch(answer); found != nil {
		ts.Setenv("TOKEN", found[1])
	}
	return answer
}

func send(client *http.Client, r *http.Request) (string, error) {
	resp, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s", resp.StatusCode, body), err
}

// upload asks the server whether it wants the body (Expect: 100-continue), so that after "upload begin" the
// request is certainly in its hands.
func (s *story) upload(ts *testscript.TestScript, args []string) {
	if args[0] == "end" {
		ts.Check(s.rest())
		fmt.Fprintln(ts.Stdout(), <-s.uploaded)
		return
	}
	body, w := io.Pipe()
	form := multipart.NewWriter(w)
	r, err := http.NewRequest(http.MethodPost, ts.Getenv("URL")+"/api/v1/media/upload", body)
	ts.Check(err)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+ts.Getenv("TOKEN"))
	r.Header.Set("Expect", "100-continue")
	s.uploaded = make(chan string, 1)
	go func() {
		answer, err := send(&http.Client{Transport: &http.Transport{ExpectContinueTimeout: patience}}, r)
		if err != nil {
			answer = err.Error()
		}
		s.uploaded <- answer
	}()
	part, err := form.CreateFormFile("file", "slow.jpg")
	ts.Check(err)
	_, err = part.Write(bytes.Repeat([]byte("x"), 100_000))
	ts.Check(err)
	s.rest = func() error {
		_, err := part.Write([]byte("the rest"))
		return errors.Join(err, form.Close(), w.Close())
	}
}

func (s *story) signal(ts *testscript.TestScript, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}
	ts.Check(s.cmd.Process.Signal(signals[args[0]]))
}

func (s *story) hangUp(ts *testscript.TestScript, _ []string) { ts.Check(s.stdin.Close()) }

func (s *story) end(ts *testscript.TestScript, args []string) {
	select {
	case <-s.ended:
	case <-time.After(patience):
		ts.Fatalf("mockapi did not end:\n%s", ts.ReadFile("start.err"))
	}
	fmt.Fprint(ts.Stdout(), ts.ReadFile("start.out"))
	fmt.Fprint(ts.Stderr(), ts.ReadFile("start.err"))
	if got := strconv.Itoa(s.cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("mockapi ended with %s, want %s", got, args[0])
	}
}

func (s *story) refused(ts *testscript.TestScript, _ []string) {
	s.eventually(ts, "stop listening", func() bool {
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(ts.Getenv("URL") + "/health")
		if err == nil {
			resp.Body.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
}

func (s *story) kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill() // most have ended by themselves
	<-s.ended
}
