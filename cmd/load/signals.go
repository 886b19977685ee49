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
	count int
	stop  func()
}

// onInterrupt takes the signals over: at the first and at the second, what was given to during is stopped; the
// third ends the program.
func onInterrupt(stderr io.Writer, exit func(code int)) *interrupts {
	i := &interrupts{signals: make(chan os.Signal, 3), done: make(chan struct{}), first: make(chan struct{}), second: make(chan struct{})}
	signal.Notify(i.signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for {
			select {
			case <-i.signals:
				i.interrupt(stderr, exit)
			case <-i.done:
				return
			}
		}
	}()
	return i
}

func (i *interrupts) interrupt(stderr io.Writer, exit func(code int)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch i.count++; i.count {
	case 1:
		fmt.Fprintln(stderr, "load: stopping; iterations may finish. Once more cuts them off, a third time gives up the results.")
		close(i.first)
	case 2:
		fmt.Fprintln(stderr, "load: cutting iterations off")
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
