package main

import (
	"strings"
	"testing"
)

// A display draws over what is written past it, so that what a signal does has to be told through it.
func TestSignalsAreToldWhereTheyAreSeen(t *testing.T) {
	var stderr, display strings.Builder
	code := 0
	a := &app{cli: &cli{}}
	i := onInterrupt(a.teller(&stderr), func(c int) { code = c })
	defer i.close()
	i.tell(a.teller(&display))
	i.interrupt(nil)
	i.tell(a.teller(&stderr))
	i.interrupt(nil)
	i.interrupt(func(c int) { code = c })
	if !strings.Contains(display.String(), "iterations may finish") || !strings.Contains(stderr.String(), "cutting iterations off") || code != exitInterrupted {
		t.Errorf("the display has %q, standard error %q, the exit code is %d", &display, &stderr, code)
	}
}
