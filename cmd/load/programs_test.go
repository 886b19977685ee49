package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programs returns the directory of the real seed and mockapi, which a test of the load runner can't import. The first
// test that asks for them builds them.
func programs(t *testing.T) string {
	t.Helper()
	dir, err := buildPrograms()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var buildPrograms = sync.OnceValues(func() (string, error) {
	load, err := exec.LookPath("load") // in a directory that testscript removes at the end
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(load), "programs") + string(filepath.Separator)
	if out, err := exec.Command("go", "build", "-o", dir, "../seed", "../mockapi").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build seed and mockapi: %w\n%s", err, out)
	}
	return dir, nil
})
