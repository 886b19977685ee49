package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// fetchedVersions are the versions that can be fetched, by major version; 0 stands for the one to begin with.
var fetchedVersions = map[int]embeddedpostgres.PostgresVersion{
	0:  embeddedpostgres.V17,
	15: embeddedpostgres.V15,
	16: embeddedpostgres.V16,
	17: embeddedpostgres.V17,
	18: embeddedpostgres.V18,
}

// mavenCentral is the repository that versions are fetched from.
const mavenCentral = "https://repo1.maven.org/maven2"

// fetchedDirs lists the places of binaries that were fetched before.
func (h *home) fetchedDirs() []string {
	dirs, err := filepath.Glob(filepath.Join(h.dir, "binaries", "*", "bin"))
	if err != nil {
		return nil
	}
	return dirs
}

// fetch downloads an installation through embedded-postgres, which takes it from Maven Central and checks
// its digest, into a place of its own beside the data.
func (h *home) fetch(ctx context.Context, who account, major int) (binaries, error) {
	version, known := fetchedVersions[major]
	if !known {
		return binaries{}, fmt.Errorf("there is no PostgreSQL %d to fetch", major)
	}
	parent := filepath.Join(h.dir, "binaries")
	if err := makeDir(parent, 0o755); err != nil {
		return binaries{}, err
	}
	unfinished, err := filepath.Glob(filepath.Join(parent, "new-*"))
	if err != nil {
		return binaries{}, err
	}
	for _, dir := range unfinished {
		if err := os.RemoveAll(dir); err != nil {
			return binaries{}, err
		}
	}
	work, err := os.MkdirTemp(parent, "new-")
	if err != nil {
		return binaries{}, err
	}
	defer os.RemoveAll(work)
	h.log.Info("no PostgreSQL is installed: fetching one", "version", string(version), "from", h.repository, "to", parent)
	extracted := filepath.Join(work, "extracted")
	if err := download(ctx, h.repository, work, extracted, version); err != nil {
		return binaries{}, err
	}
	if err := os.Chmod(extracted, 0o755); err != nil {
		return binaries{}, err
	}
	final := filepath.Join(parent, string(version))
	if err := os.RemoveAll(final); err != nil {
		return binaries{}, err
	}
	if err := os.Rename(extracted, final); err != nil {
		return binaries{}, err
	}
	return installation(ctx, who, filepath.Join(final, "bin"))
}

// download leaves the installation in extracted. The library can only start a whole server, with a port, a
// password and a user of its own choice, and not as root. It fetches the binaries first, though: a data path
// that cannot be made, because it is below a file, ends it right after that.
func download(ctx context.Context, repository, work, extracted string, version embeddedpostgres.PostgresVersion) error {
	file := filepath.Join(work, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	port, err := choosePort(ctx, 0) // unused, but it insists on a free one
	if err != nil {
		return err
	}
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		BinaryRepositoryURL(repository).Version(version).Port(uint32(port)).
		CachePath(filepath.Join(work, "archive")).
		RuntimePath(filepath.Join(work, "runtime")).
		BinariesPath(extracted).
		DataPath(filepath.Join(file, "data")).
		Logger(io.Discard))
	// The library knows no context: a download that is given up ends unheard. Should it write anything
	// after its directory was removed, the next fetch removes that.
	done := make(chan error, 1)
	go func() { done <- server.Start() }()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case err = <-done:
	}
	if _, statErr := os.Stat(filepath.Join(extracted, "bin", "postgres")); statErr == nil {
		return nil
	}
	if err == nil {
		err = errors.Join(errors.New("the archive holds no PostgreSQL"), server.Stop())
	}
	return err
}
