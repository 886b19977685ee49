package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// alerts tell a webhook when rounds begin to fail, that they still do, and when they are well again.
type alerts struct {
	address      string
	again        time.Duration // after which to tell again, 0 for never
	target, test string
	client       *http.Client
	pause        time.Duration // before the second attempt, twice that before the third
	log          *slog.Logger

	failing bool // as the last round had it
	since   time.Time
	rounds  int // that failed since
	// told is what was told last, and toldAt when.
	told   bool
	toldAt time.Time
}

// What bounds an alert.
const (
	alertTimeout  = 10 * time.Second
	alertAttempts = 3
	maxReasons    = 10
	maxReason     = 500 // bytes
)

func newAlerts(address string, again time.Duration, target, test string, log *slog.Logger) *alerts {
	return &alerts{address: address, again: again, target: target, test: test, log: log, pause: time.Second, client: &http.Client{
		Timeout: alertTimeout,
		// The address may be a secret, which is not for others.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// alert is the body of a request to the webhook.
type alert struct {
	Text     string    `json:"text"`
	State    string    `json:"state"`    // failing or ok
	Previous string    `json:"previous"` // what was told before; the same, where it is told again
	Test     string    `json:"test"`
	Target   string    `json:"target"`
	At       time.Time `json:"at"`    // the round that made it
	Since    time.Time `json:"since"` // the first round of this state
	// Rounds is how many failed in a row.
	Rounds  int      `json:"rounds"`
	Word    string   `json:"word"`
	Reasons []string `json:"reasons,omitempty"`
}

// after tells what there is to tell after a round. What can't be told is told after the next one.
func (a *alerts) after(ctx context.Context, r round) {
	if a == nil {
		return
	}
	if a.since.IsZero() || a.failing == r.OK {
		a.failing, a.since = !r.OK, r.At
		if a.failing {
			a.rounds = 0
		}
	}
	if a.failing {
		a.rounds++
	}
	due := a.failing && a.told && a.again > 0 && r.At.Sub(a.toldAt) >= a.again
	if a.failing == a.told && !due {
		return
	}
	if err := a.send(ctx, a.alert(r)); err != nil {
		if ctx.Err() == nil {
			a.log.Error("the alert was not delivered, and is sent again after the next round", "attempts", alertAttempts, "error", err)
		}
		return
	}
	a.told, a.toldAt = a.failing, r.At
}

func (a *alerts) alert(r round) alert {
	state := map[bool]string{true: "failing", false: "ok"}
	x := alert{
		State: state[a.failing], Previous: state[a.told], Test: a.test, Target: a.target, At: r.At.UTC(), Since: a.since.UTC(), Rounds: a.rounds, Word: r.Word,
	}
	for _, reason := range r.Reasons[:min(len(r.Reasons), maxReasons)] {
		x.Reasons = append(x.Reasons, strings.ToValidUTF8(reason[:min(len(reason), maxReason)], ""))
	}
	switch {
	case !a.failing:
		x.Text = fmt.Sprintf("%s is well again, after %s of %s", a.target, rounds(a.rounds, "failing "), a.test)
	case a.told:
		x.Text = fmt.Sprintf("%s has been failing since %s, for %s of %s: %s", a.target, x.Since.Format(time.RFC3339), rounds(a.rounds, ""), a.test, strings.Join(x.Reasons, "; "))
	default:
		x.Text = fmt.Sprintf("%s is failing the test %s: %s", a.target, a.test, strings.Join(x.Reasons, "; "))
	}
	return x
}

// send sends an alert, three times at most.
func (a *alerts) send(ctx context.Context, x alert) error {
	body, err := json.Marshal(x)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		if err = a.post(ctx, body); err == nil || n == alertAttempts || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(time.Duration(n) * a.pause):
		case <-ctx.Done():
		}
	}
}

// post sends a body; its error tells nothing of the address.
func (a *alerts) post(ctx context.Context, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the webhook's URL can't be used")
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := a.client.Do(r)
	if err != nil {
		if of, ok := errors.AsType[*url.Error](err); ok {
			return of.Err
		}
		return errors.New("the request failed")
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the webhook answered with status %d", resp.StatusCode)
	}
	return nil
}
