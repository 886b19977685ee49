// Package looktest opens pages of the testbed in a real Chromium, and holds them to what every page promises: no
// complaints of the browser, light and dark, no width beyond a phone's, and everything within reach of the keyboard.
package looktest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience bounds each step of a visit: none takes long unless it hangs.
const patience = 2 * time.Minute

// Page is a tab of a browser that ends with the test. Its methods fail the test where they can't do what they say.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// Open starts a browser with an empty tab. Where there is no Chromium the test is skipped; with CI=true it fails.
func Open(t testing.TB) *Page {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	switch {
	case path == "" && os.Getenv("CI") == "true":
		t.Fatal("there is no chromium on PATH, in which pages are tested: apt-get install chromium")
	case path == "":
		t.Skip("there is no chromium on PATH: pages are not tested in a browser")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(1280, 900), chromedp.WSURLReadTimeout(patience))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	p := &Page{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	call(p, network.Enable, network.EnableParams{})
	call(p, log.Enable, cdp.Empty{})
	return p
}

// hear notes what the browser complains about: errors and warnings of its console, exceptions, requests that failed.
func (p *Page) hear(event any) {
	problem := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		problem = "exception: " + e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			problem += " " + x.Description
		}
	case *runtime.EventConsoleAPICalled:
		if slices.Contains([]string{"error", "warning", "assert"}, string(e.Type)) {
			problem = fmt.Sprintf("console.%s", e.Type)
			for _, arg := range e.Args {
				problem += fmt.Sprintf(" %s%s", arg.Value, arg.Description)
			}
		}
	case *log.EventEntryAdded:
		problem = fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			problem = fmt.Sprintf("%d for %s", e.Response.Status, e.Response.URL)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled { // by leaving the page
			problem = fmt.Sprintf("%s failed: %s", e.Type, e.ErrorText)
		}
	}
	if problem != "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.problems = append(p.problems, problem)
	}
}

// WantNoProblems fails the test for every complaint of the browser so far.
func (p *Page) WantNoProblems() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		p.t.Errorf("the browser complains: %s", problem)
	}
}

// Go loads a URL, http or file.
func (p *Page) Go(url string) { p.t.Helper(); p.do(chromedp.Navigate(url)) }

// Click clicks on the element of a CSS selector once it is visible.
func (p *Page) Click(selector string) { p.t.Helper(); p.do(chromedp.Click(chromedp.CSS(selector))) }

// Type puts the focus on the element of a CSS selector and types a text there, of which \r is the enter key.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	p.do(chromedp.Focus(chromedp.CSS(selector)), chromedp.KeyEvent(text))
}

func (p *Page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%v\nThe page says: %s", err, p.text())
	}
}

// text is what the page shows, for messages.
func (p *Page) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

// Eval returns the value of an expression in JavaScript.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluate %s: %v\nThe page says: %s", expression, err, p.text())
	}
	return v
}

// Wait waits until a condition in JavaScript holds. (chromedp.Poll does not get past a Content-Security-Policy.)
func (p *Page) Wait(condition string) {
	p.t.Helper()
	Eval[bool](p, `new Promise((resolve) => {
		const look = () => { (`+condition+`) ? resolve(true) : setTimeout(look, 20); };
		look();
	})`)
}

// Shot keeps a picture of the whole page among the artifacts of the test, where go test -artifacts asks for them. No
// test needs one, and a headless browser may take for ever over it on a busy machine.
func (p *Page) Shot(name string) {
	p.t.Helper()
	if f := flag.Lookup("test.artifacts"); f == nil || f.Value.String() != "true" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(p.t.ArtifactDir(), name+".png"), png, 0o644)
	}
	if err != nil {
		p.t.Fatalf("take a picture: %v", err)
	}
}

// Prefer makes the page one for people who prefer "light" or "dark".
func (p *Page) Prefer(scheme string) {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// Print makes the page look as it is printed, until Prefer.
func (p *Page) Print() {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
}

// Resize makes the page so many pixels wide.
func (p *Page) Resize(width int64) { p.t.Helper(); p.do(chromedp.EmulateViewport(width, 800)) }

// WantLook takes pictures in light and dark, as wide as a screen and a phone, and fails the test where both look alike
// or the page is wider than its window.
func (p *Page) WantLook() {
	p.t.Helper()
	var backgrounds []string
	for _, scheme := range []string{"light", "dark"} {
		p.Prefer(scheme)
		for _, width := range []int64{1280, 360} {
			p.Resize(width)
			p.Shot(fmt.Sprintf("%s-%d", scheme, width))
			if wide := Eval[[]string](p, `document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]
				.filter((e) => !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML.slice(0, 100))`); len(wide) > 0 {
				p.t.Errorf("%s, %d pixels: the page is wider than its window because of %q", scheme, width, wide)
			}
		}
		backgrounds = append(backgrounds, Eval[string](p, `getComputedStyle(document.body).backgroundColor`))
	}
	if backgrounds[0] == backgrounds[1] {
		p.t.Errorf("the page is %s in light and in dark", backgrounds[0])
	}
}

// WantAccess fails the test for every control that the tabulator does not reach, and for everything that should have
// a name for assistive technology and has none. It returns how often there is which role.
func (p *Page) WantAccess() map[string]int {
	p.t.Helper()
	const controls = `[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')].filter((e) => e.checkVisibility() && !e.disabled)`
	n := Eval[int](p, `(() => { window.reached = new Set(); document.activeElement.blur(); return `+controls+`.length })()`)
	for range n + 5 { // the browser's own stops are some more
		p.do(chromedp.KeyEvent(kb.Tab))
		Eval[bool](p, `window.reached.add(document.activeElement) !== null`)
	}
	for _, missed := range Eval[[]string](p, controls+`.filter((e) => !window.reached.has(e)).map((e) => e.outerHTML.slice(0, 120))`) {
		p.t.Errorf("the keyboard does not reach %s", missed)
	}
	call(p, accessibility.Enable, cdp.Empty{})
	roles := make(map[string]int)
	for _, node := range call(p, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		role := words(p.t, node.Role)
		roles[role]++
		switch role {
		case "button", "link", "textbox", "combobox", "checkbox", "region", "image", "navigation", "table":
			if strings.TrimSpace(words(p.t, node.Name)) == "" {
				p.t.Errorf("a %s has no name", role)
			}
		}
	}
	return roles
}

func words(t testing.TB, v *accessibility.Value) string {
	t.Helper()
	if v == nil {
		return ""
	}
	var s string
	if err := json.Unmarshal(v.Value, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func call[P, R any](p *Page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	r, err := chromedp.Call(ctx, command, params)
	if err != nil {
		p.t.Fatalf("%s: %v", command.Method, err)
	}
	return r
}
