package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/medianest/testbed/mockapi/look/looktest"
	"github.com/medianest/testbed/schema/schematest"
)

const controlToken = "the control token of a test"

// mock is a running mockapi.
type mock struct {
	url  string
	kill func()
}

// startMock runs the real program on an address of this machine, with the rows of the profile smoke.
func startMock(t *testing.T, dsn, addr string) *mock {
	t.Helper()
	cmd := exec.Command("mockapi", "--profile", "smoke", "--services", "api", "--addr", addr, "--snapshot", "--admin-token", controlToken, "--json")
	cmd.Env = append(os.Environ(), unhurried, "DATABASE_URL="+dsn)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	m := &mock{kill: func() { once.Do(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) }}
	t.Cleanup(m.kill)
	var started struct{ URL string }
	if err := json.NewDecoder(out).Decode(&started); err != nil {
		t.Fatalf("read what mockapi says at its start: %v", err)
	}
	m.url = started.URL
	return m
}

// load sends requests one after the other until the test ends.
func (m *mock) load(t *testing.T, path string) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url+path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
}

// ticks waits until the page has been brought up to date n times.
func ticks(p *looktest.Page, n int) {
	for range n {
		before := looktest.Eval[string](p, `document.querySelector('#at time').dateTime`)
		p.Wait(fmt.Sprintf(`document.querySelector('#at time').dateTime !== %q`, before))
	}
}

const (
	live   = `document.querySelector('#connection').textContent === 'Live.'`
	rate   = `document.querySelector('#cards').children[0].querySelector('dd').textContent`
	failed = `document.querySelector('#cards').children[1].querySelector('dd').textContent`
)

func unlock(p *looktest.Page) {
	p.Type("#token", controlToken+"\r")
	p.Wait(`document.querySelector('#result').textContent.startsWith('The switches are unlocked')`)
}

func TestDashboard(t *testing.T) {
	p := looktest.Open(t)
	dsn := schematest.NewEmpty(t)
	m := startMock(t, dsn, "127.0.0.1:0")
	p.Go(m.url + "/dashboard")
	p.Wait(live)

	// It shows the requests that come, and goes on showing them.
	m.load(t, "/api/v1/media?limit=5")
	p.Wait(`document.querySelector('#operation-GET--api-v1-media-api') !== null && ` + rate + ` !== '0/s'`)
	ticks(p, 2)
	p.Wait(`/^p50: [\d.]+ [mµ]s at the end/.test(document.querySelector('#chart-latency-desc').textContent)`)
	p.Wait(`document.querySelector('#rows-media_files td').textContent === '200'`)

	// A switch asks for the token first, which goes neither into the address nor into anything that outlives the tab.
	p.Click("#switch-errors")
	p.Wait(`document.activeElement.id === 'token' && document.querySelector('#result').textContent === 'Give the control token first.'`)
	p.Shot("locked")
	unlock(p)
	p.Wait(`document.querySelector('#unlock').hidden && localStorage.length === 0 && document.cookie === '' && location.search === ''`)

	// What is switched on, by the keyboard, shows, and its effect within seconds. The focus stays where it was.
	p.Wait(failed + ` === '0 %'`)
	p.Type("#switch-errors", "\r")
	p.Wait(`document.querySelector('#switch-errors').getAttribute('aria-pressed') === 'true' && document.querySelectorAll('#rules tr').length === 3`)
	p.Wait(failed + ` !== '0 %' && document.querySelector('#operation-GET--api-v1-media-api').textContent.includes('5xx')`)
	p.Wait(`document.querySelector('#chart-errors-desc').textContent.includes('Mark: errors.')`)
	ticks(p, 2)
	p.Wait(`document.activeElement.id === 'switch-errors'`)
	p.Shot("fault")

	// One rule goes by its button, the others with the switch.
	p.Click(`#rules button`)
	p.Wait(`document.querySelectorAll('#rules tr').length === 2 && document.activeElement.id === 'control'`)
	p.Click("#switch-errors")
	p.Wait(`document.querySelector('#switch-errors').getAttribute('aria-pressed') === 'false' && document.querySelectorAll('#rules tr').length === 0`)
	p.Click("#switch-slow-db")
	p.Wait(`document.querySelectorAll('#rules tr').length === 1`)
	p.Click("#clear")
	p.Wait(`document.querySelectorAll('#rules tr').length === 0 && document.querySelector('#result').textContent === 'Done: Remove all rules.'`)
	looktest.Eval[bool](p, `(window.confirm = (question) => { window.asked = question; return true; }) !== null`)
	p.Click("#reset")
	p.Wait(`window.asked.includes('seeded state') && document.querySelector('#result').textContent === 'Done: Reset to the seeded state.'`)
	p.WantNoProblems()

	// The tab keeps the token, and what it is like to use the page has been told when it was left.
	p.Go(m.url + "/dashboard?window=1m")
	p.Wait(live + ` && document.querySelector('#unlock').hidden`)
	p.Wait(`document.querySelector('#vital-INP--dashboard') !== null && document.querySelector('#vital-CLS--dashboard') !== null`)

	// A wrong token is told, and kept no more.
	looktest.Eval[bool](p, `sessionStorage.setItem('medianest-control-token', 'wrong') === undefined`)
	p.Click("#switch-errors")
	p.Wait(`document.querySelector('#result').textContent.startsWith('It failed: the control API wants its own token') && !document.querySelector('#unlock').hidden && sessionStorage.length === 0`)

	// A mock that is gone is missed, and one that comes back is found.
	m.kill()
	p.Wait(`/^Disconnected, last seen \d\d:\d\d:\d\d UTC/.test(document.querySelector('#connection').textContent)`)
	p.Shot("gone")
	startMock(t, dsn, strings.TrimPrefix(m.url, "http://"))
	p.Wait(live)
	ticks(p, 1)
}

func TestDashboardForEverybody(t *testing.T) {
	p := looktest.Open(t)
	m := startMock(t, schematest.NewEmpty(t), "127.0.0.1:0")
	m.load(t, "/api/v1/search?q=photo")
	p.Go(m.url + "/dashboard?window=1m")
	unlock(p)
	p.Click("#switch-slow-db")
	p.Wait(`document.querySelectorAll('#rules tr').length === 1 && document.querySelectorAll('#operations-rows tr').length > 0`)
	p.WantLook()
	roles := p.WantAccess()
	for role, least := range map[string]int{"main": 1, "banner": 1, "navigation": 1, "button": 14, "image": 6, "table": 4, "heading": 6} {
		if roles[role] < least {
			t.Errorf("there are %d of the role %s, want %d at least: %v", roles[role], role, least, roles)
		}
	}
	p.WantNoProblems()

	// Printers leave backgrounds out: what is switched on must be readable without.
	p.Print()
	p.Wait(`getComputedStyle(document.querySelector('#switch-slow-db')).backgroundColor === getComputedStyle(document.body).backgroundColor`)
}
