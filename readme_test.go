package testbed_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/medianest/testbed/schema"
)

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The README's table of profiles has every profile, and every count as the profile has it.
func TestReadmeProfiles(t *testing.T) {
	files, err := filepath.Glob("fixtures/profiles/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no profiles: %v", err)
	}
	var tables []string
	for _, table := range schema.Tables() {
		if table.Name != schema.Sessions.Name { // made by logins, not by the seeder
			tables = append(tables, table.Name)
		}
	}
	readme := read(t, "README.md")
	for _, file := range files {
		var profile struct{ Rows map[string]int }
		if err := yaml.Unmarshal([]byte(read(t, file)), &profile); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		total := 0
		cells := []string{strings.TrimSuffix(filepath.Base(file), ".yaml")}
		for _, table := range tables {
			total += profile.Rows[table]
			cells = append(cells, thousands(profile.Rows[table]))
		}
		row := "| " + strings.Join(append(cells, thousands(total)), " | ") + " |\n"
		if !strings.Contains(readme, row) {
			t.Errorf("README.md lacks the row\n%s", row)
		}
	}
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	rest := strconv.Itoa(n % 1000)
	return thousands(n/1000) + "," + strings.Repeat("0", 3-len(rest)) + rest
}

// Every target that the README names is one of the Makefile.
func TestReadmeTargets(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z0-9-]+):.*## `).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)(?:^|`)make ([a-z0-9-]+)").FindAllStringSubmatch(read(t, "README.md"), -1) {
		named[m[1]] = true
	}
	for _, target := range slices.Sorted(maps.Keys(named)) {
		if !targets[target] {
			t.Errorf("README.md says make %s, which the Makefile does not have", target)
		}
	}
	if len(named) == 0 {
		t.Error("README.md names no target at all: mend this test")
	}
}
