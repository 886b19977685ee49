package scenario_test

import (
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/scenario"
)

func TestNamed(t *testing.T) {
	for _, name := range scenario.Names() {
		o, err := scenario.Named(name)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		b, err := o.MarshalJSON()
		t.Log(name, o.Length(), string(b), err)
	}
}
