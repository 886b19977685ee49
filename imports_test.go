// Package testbed_test holds the repository as a whole to its rules: who may import whom, and that the files at its
// top say what the code does.
package testbed_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/medianest/testbed/"

// listed is a package as go list tells of it.
type listed struct {
	ImportPath                string
	Deps                      []string // everything that it needs, directly or not; tests not included
	TestImports, XTestImports []string // what its tests import directly
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Deps,TestImports,XTestImports", "./...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
		all = append(all, p)
	}
}

// matches tells whether an import path fits a pattern: "a/b" is that package, "a/..." it and all below.
func matches(pattern, importPath string) bool {
	if root, all := strings.CutSuffix(pattern, "/..."); all {
		return importPath == root || strings.HasPrefix(importPath, root+"/")
	}
	return importPath == pattern
}

// sameCommand tells whether both packages belong to one command, which may keep packages of its own below it.
func sameCommand(a, b string) bool {
	command := func(importPath string) string {
		name, _, _ := strings.Cut(strings.TrimPrefix(importPath, module+"cmd/"), "/")
		return name
	}
	return matches(module+"cmd/...", a) && matches(module+"cmd/...", b) && command(a) == command(b)
}

func TestWhoMayImportWhom(t *testing.T) {
	const gin, pgx = "github.com/gin-gonic/gin/...", "github.com/jackc/pgx/v5/..."
	rules := []struct {
		packages, forbidden string
		tests               bool // the direct imports of tests count too
		reason              string
	}{
		{"...", "cmd/...", true, "commands wire: what others need belongs into a package beside them"},
		{"cmd/load/internal/...", "mockapi/...", true, "a bug that client and server shared would cancel out"},
		{"schema", "...", false, "schema is a leaf: everything stands on it"},
		{"schema/...", "seed/...", true, "a database and its server do not care what fills them"},
		{"fixtures", "...", false, "fixtures are data"},
		{"seed/ident", "...", true, "ident is a leaf: a pure function of seed, table and row"},
		{"seed/dist", "...", true, "dist is a leaf: distributions know no tables"},
		{"seed/...", "mockapi/...", true, "the data is not made to suit one server"},
		{"mockapi", "...", true, "the nouns and errors of the API know neither handlers nor stores"},
		{"mockapi/look/...", "...", false, "look is a leaf: stylesheet and charts know nothing of what they show, so that the load runner may use them"},
		{"mockapi/...", "seed/...", false, "the mock serves any MediaNest database; only cmd/mockapi may seed one"},
		{"mockapi/handler", pgx, false, "handlers speak to the Store interface"},
		{"mockapi/handler", "mockapi/store", false, "handlers speak to the Store interface"},
		{"mockapi/monitor", gin, false, "the monitor is asked by handlers and knows none of them"},
		{"mockapi/monitor", "mockapi/handler", false, "the monitor is asked by handlers and knows none of them"},
		{"mockapi/store", gin, false, "stores know no HTTP framework"},
		{"mockapi/store", "mockapi/handler", false, "stores do not know who asks"},
	}
	exceptions := []struct{ packages, allowed, reason string }{
		{"cmd/load/internal/...", "mockapi/look/...", "it draws figures that others have judged: no wrong answer can hide behind it"},
	}
	excepted := func(importer, imported string) bool {
		for _, e := range exceptions {
			if matches(module+e.packages, importer) && matches(module+e.allowed, imported) {
				return true
			}
		}
		return false
	}

	all := packages(t)
	var known []string
	for _, p := range all {
		known = append(known, p.ImportPath)
		known = append(known, p.Deps...)
	}
	exists := func(pattern string, among []string) bool {
		return slices.ContainsFunc(among, func(path string) bool { return matches(pattern, path) })
	}

	for _, e := range exceptions {
		if !exists(module+e.packages, known) || !exists(module+e.allowed, known) {
			t.Errorf("%s or %s is gone: remove the exception that lets one import the other (%s)", e.packages, e.allowed, e.reason)
		}
	}
	for _, rule := range rules {
		importers, forbidden := module+rule.packages, rule.forbidden
		if !strings.HasPrefix(forbidden, "github.com/") {
			forbidden = module + forbidden
		}
		matched := false
		for _, p := range all {
			if !matches(importers, p.ImportPath) {
				continue
			}
			matched = true
			imports := p.Deps
			if rule.tests {
				imports = slices.Concat(p.Deps, p.TestImports, p.XTestImports)
			}
			for _, imported := range imports {
				if matches(forbidden, imported) && imported != p.ImportPath && !sameCommand(p.ImportPath, imported) && !excepted(p.ImportPath, imported) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imported, rule.reason)
				}
			}
		}
		// A rule about packages that are gone or renamed would hold for ever.
		if !matched {
			t.Errorf("no package fits %s: mend or remove the rule against importing %s", rule.packages, rule.forbidden)
		}
		if !exists(forbidden, known) {
			t.Errorf("nothing fits %s: mend or remove the rule that %s must not import it", rule.forbidden, rule.packages)
		}
	}
}

// A drawer for odds and ends attracts more of them: a helper lives with its only caller.
func TestNoDrawerPackages(t *testing.T) {
	drawers := []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "lib", "base"}
	for _, p := range packages(t) {
		for _, element := range strings.Split(strings.TrimPrefix(p.ImportPath, module), "/") {
			if slices.Contains(drawers, element) {
				t.Errorf("%s: name a package after what it provides", p.ImportPath)
			}
		}
	}
}
