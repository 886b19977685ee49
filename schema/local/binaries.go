package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldestMajor is the oldest major version of PostgreSQL that is used.
const oldestMajor = 13

// binaries are the programs of one installation of PostgreSQL.
type binaries struct {
	dir     string // of postgres and initdb
	version string // such as 15.13
	major   int
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// library tells whether a loadable module, such as pg_stat_statements, is installed.
func (b binaries) library(name string) bool {
	for _, pattern := range []string{
		"../lib/%s.*",   // Debian, Red Hat
		"../lib/*/%s.*", // Homebrew, fetched binaries
		"../../lib/postgresql" + b.majorText() + "/%s.*", // Alpine
	} {
		found, err := filepath.Glob(filepath.Join(b.dir, fmt.Sprintf(pattern, name)))
		if err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

func (b binaries) majorText() string { return strconv.Itoa(b.major) }

// findBinaries returns an installation that the account may run and that fits existing data: the one in
// PATH, else the newest of the usual places, else one that is fetched.
func (h *home) findBinaries(ctx context.Context, who account) (binaries, error) {
	need, err := dataMajor(h.dataDir())
	if err != nil {
		return binaries{}, err
	}
	installed, rejected := installations(ctx, who, installationDirs(os.Getenv("PATH")))
	fetched, _ := installations(ctx, who, h.fetchedDirs())
	all := append(installed, fetched...)
	for _, b := range all {
		if need == 0 || b.major == need {
			return b, nil
		}
	}
	if need != 0 && len(all) > 0 {
		return binaries{}, fmt.Errorf("the data in %s are of PostgreSQL %d, but only version %s is installed: install PostgreSQL %d, remove the directory to begin anew, or name another with %s",
			h.dataDir(), need, versions(all), need, dirVariable)
	}
	if ctx.Err() != nil {
		return binaries{}, ctx.Err() // which is why none was found
	}
	b, err := h.fetch(ctx, who, need)
	if err != nil {
		hint := "install PostgreSQL (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql), or give DATABASE_URL"
		return binaries{}, errors.Join(fmt.Errorf("no PostgreSQL of version %d or newer was found in PATH, /usr/lib/postgresql or Homebrew's places, and fetching one failed: %w: %s", oldestMajor, err, hint), rejected)
	}
	return b, nil
}

// dataMajor returns the major version that the data were made by, or 0 if there are none.
func dataMajor(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(data); err == nil {
			return 0, fmt.Errorf("%s has no file PG_VERSION, so it holds no database: remove it to begin anew", data)
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s/PG_VERSION says %q instead of a version: remove the directory to begin anew", data, strings.TrimSpace(string(text)))
	}
	return major, nil
}

// installationDirs lists where postgres may be, the best place first.
func installationDirs(searchPath string) []string {
	var dirs []string
	for _, dir := range filepath.SplitList(searchPath) {
		if filepath.IsAbs(dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
		"/usr/pgsql-*/bin",          // Red Hat, from postgresql.org
		"/usr/libexec/postgresql*",  // Alpine
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		slices.SortFunc(found, func(a, b string) int { return pathVersion(b) - pathVersion(a) })
		dirs = append(dirs, found...)
	}
	return dirs
}

var digits = regexp.MustCompile(`\d+`)

// pathVersion returns the last number in a path, so that 17 sorts after 9.
func pathVersion(path string) int {
	all := digits.FindAllString(path, -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1])
	return n
}

// installations returns the usable ones of dirs in their order, and why others are not.
func installations(ctx context.Context, who account, dirs []string) (usable []binaries, rejected error) {
	seen := map[string]bool{}
	for _, dir := range dirs {
		// PATH may hold links to, or a wrapper of, a single program: what counts is where postgres lives.
		program, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err != nil || seen[program] {
			continue
		}
		seen[program] = true
		b, err := installation(ctx, who, filepath.Dir(program))
		if err != nil {
			rejected = errors.Join(rejected, err)
			continue
		}
		usable = append(usable, b)
	}
	return usable, rejected
}

var versionNumber = regexp.MustCompile(`(\d+)[^ ]*`)

func installation(ctx context.Context, who account, dir string) (binaries, error) {
	b := binaries{dir: dir}
	if err := who.enters(dir); err != nil {
		return b, err
	}
	for _, program := range []string{"postgres", "initdb"} {
		if info, err := os.Stat(b.path(program)); err != nil || info.Mode()&0o111 == 0 {
			return b, fmt.Errorf("%s has no program %s", dir, program)
		}
	}
	out, err := exec.CommandContext(ctx, b.path("postgres"), "--version").Output()
	if err != nil {
		return b, fmt.Errorf("%s --version: %w", b.path("postgres"), err)
	}
	found := versionNumber.FindStringSubmatch(string(out))
	if found == nil {
		return b, fmt.Errorf("%s --version printed %q", b.path("postgres"), out)
	}
	b.version = found[0]
	if b.major, err = strconv.Atoi(found[1]); err != nil {
		return b, err
	}
	if b.major < oldestMajor {
		return b, fmt.Errorf("%s is of version %s: %d or newer is needed", dir, b.version, oldestMajor)
	}
	return b, nil
}

func versions(all []binaries) string {
	var list []string
	for _, b := range all {
		list = append(list, b.version)
	}
	return strings.Join(list, ", ")
}
