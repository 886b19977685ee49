package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interrupts tells of SIGINT and SIGTERM.
type interrupts struct {
	signals chan os.Signal
	done    chan struct{}
	first   chan struct{} // closed by the first signal
	second  chan struct{} // closed by the second one

	mu    sync.Mutex
	say   func(what string) // tells what a signal does
	count int
	stop  func()
}

// onInterrupt takes the signals over: at the first and at the second, what was given to during is stopped; the
// third ends the program.
func onInterrupt(say func(what string), exit func(code int)) *interrupts {
	i := &interrupts{signals: make(chan os.Signal, 3), done: make(chan struct{}), first: make(chan struct{}), second: make(chan struct{}), say: say}
	signal.Notify(i.signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for {
			select {
			case <-i.signals:
				i.interrupt(exit)
			case <-i.done:
				return
			}
		}
	}()
	return i
}

func (i *interrupts) interrupt(exit func(code int)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch i.count++; i.count {
	case 1:
		i.say("stopping; iterations may finish. Once more cuts them off, a third time gives up the results.")
		close(i.first)
	case 2:
		i.say("cutting iterations off")
		close(i.second)
	default:
		exit(exitInterrupted)
	}
	if i.stop != nil {
		i.stop()
	}
}

// during names what the signals stop from now on.
func (i *interrupts) during(stop func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stop = stop
	for range min(i.count, 2) { // one that came a moment ago
		stop()
	}
}

// tell names how it is told from now on what a signal does: by a display, which would draw over it otherwise.
func (i *interrupts) tell(say func(what string)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.say = say
}

// teller tells what a signal does: in a line for people, who may have asked for --quiet but wait now, or in the log.
func (a *app) teller(w io.Writer) func(what string) {
	if a.JSON {
		log := a.logger(w)
		return func(what string) { log.Warn(what) }
	}
	return func(what string) { fmt.Fprintln(w, "load: "+what) }
}

// seen tells whether there was a signal.
func (i *interrupts) seen() bool {
	select {
	case <-i.first:
		return true
	default:
		return false
	}
}

func (i *interrupts) close() {
	signal.Stop(i.signals)
	close(i.done)
}
