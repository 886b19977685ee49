package environment

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Programs are the paths of the programs that make an environment.
type Programs struct{ Seed, Mock string }

// Find finds the programs beside this one, or else on PATH.
func Find() (Programs, error) {
	var p Programs
	var errs []error
	find := func(into *string, name string) {
		var err error
		*into, err = find(name)
		errs = append(errs, err)
	}
	find(&p.Seed, "seed")
	find(&p.Mock, "mockapi")
	return p, errors.Join(errs...)
}

func find(name string) (string, error) {
	self, err := os.Executable()
	if err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("the program %s is neither beside this one (%s) nor on PATH: make build makes it, or name a target that runs with BASE_URL", name, filepath.Dir(self))
	}
	return filepath.Abs(path)
}
