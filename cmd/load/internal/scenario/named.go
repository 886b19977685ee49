package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/medianest/testbed/fixtures"
)

// Names returns the names of the tests that come with the program: the suites of the document as they stand,
// and then one for each of its categories, shortest first.
func Names() []string {
	return []string{"core", "database", "microservices", "smoke", "synthetic", "spike", "load", "stress", "volume", "endurance"}
}

// Load reads the test of the given name, or else the file of that path.
func Load(nameOrFile string) (*Options, error) {
	if slices.Contains(Names(), nameOrFile) {
		return Named(nameOrFile)
	}
	o, err := ReadFile(nameOrFile)
	if errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(nameOrFile, `/\.`) {
		return nil, fmt.Errorf("there is neither a test nor a file %q%s", nameOrFile, didYouMean(nameOrFile, Names()))
	}
	return o, err
}

// Named reads a test that comes with the program.
func Named(name string) (*Options, error) {
	text, err := fs.ReadFile(fixtures.Scenarios, path.Join("scenarios", name+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("there is no test %q%s", name, didYouMean(name, Names()))
	}
	o, err := Parse(name, text)
	if err != nil {
		return nil, err
	}
	o.Source = ""
	return o, nil
}
