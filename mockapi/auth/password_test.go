package auth

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/mockapi"
	"golang.org/x/crypto/bcrypt"
)

// entries is how many values a cache holds.
func entries[V any](r *recent[V]) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.young) + len(r.old)
}

// counted returns an Auth that counts its bcrypt runs.
func counted(t testing.TB, o Options) (*Auth, *atomic.Int64) {
	t.Helper()
	o.HashCost = bcrypt.MinCost
	a := New(o)
	var runs atomic.Int64
	a.compare = func(hash, password []byte) error {
		runs.Add(1)
		return bcrypt.CompareHashAndPassword(hash, password)
	}
	return a, &runs
}

func hashOf(t testing.TB, a *Auth, password string) string {
	t.Helper()
	h, err := a.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func wantCode(t testing.TB, err error, want mockapi.Code) {
	t.Helper()
	if got := mockapi.CodeOf(err); got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func TestVerifyRunsBcryptOnceForARightPassword(t *testing.T) {
	a, runs := counted(t, Options{})
	h := hashOf(t, a, "Performance123!")
	for range 5 {
		wantCode(t, a.Verify(t.Context(), 1, h, "Performance123!"), "")
	}
	if runs.Load() != 1 {
		t.Errorf("bcrypt ran %d times, want once", runs.Load())
	}
}

func TestVerifyNeverRemembersAWrongPassword(t *testing.T) {
	a, runs := counted(t, Options{})
	h := hashOf(t, a, "Performance123!")
	wantCode(t, a.Verify(t.Context(), 1, h, "Performance123!"), "")
	for range 3 {
		wantCode(t, a.Verify(t.Context(), 1, h, "performance123!"), mockapi.CodeInvalidCredentials)
	}
	if runs.Load() != 4 {
		t.Errorf("bcrypt ran %d times, want once for each wrong password and once for the right one", runs.Load())
	}
	if entries(a.verified) != 1 {
		t.Errorf("%d passwords remembered, want the right one only", entries(a.verified))
	}
}

func TestVerifyForgetsWhenTheHashChanges(t *testing.T) {
	a, runs := counted(t, Options{})
	before := hashOf(t, a, "first password")
	after := hashOf(t, a, "second password")
	wantCode(t, a.Verify(t.Context(), 1, before, "first password"), "")
	wantCode(t, a.Verify(t.Context(), 1, after, "first password"), mockapi.CodeInvalidCredentials)
	wantCode(t, a.Verify(t.Context(), 2, before, "first password"), "")
	if runs.Load() != 3 {
		t.Errorf("bcrypt ran %d times, want 3: neither another hash nor another account may profit", runs.Load())
	}
}

func TestVerifyAStampedeRunsBcryptOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, runs := counted(t, Options{})
		h := hashOf(t, a, "Performance123!")
		release := make(chan struct{})
		inner := a.compare
		a.compare = func(hash, password []byte) error { <-release; return inner(hash, password) }
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { wantCode(t, a.Verify(t.Context(), 1, h, "Performance123!"), "") })
		}
		synctest.Wait() // all hundred have asked, and none is answered
		close(release)
		wg.Wait()
		if runs.Load() != 1 {
			t.Errorf("bcrypt ran %d times, want once", runs.Load())
		}
		if len(a.flights) != 0 {
			t.Errorf("%d flights left behind", len(a.flights))
		}
	})
}

func TestVerifyOutlivesALeaderThatRanOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, runs := counted(t, Options{})
		h := hashOf(t, a, "Performance123!")
		for range cap(a.slots) { // every processor is busy with somebody else's bcrypt
			a.slots <- struct{}{}
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			wantCode(t, a.Verify(short, 1, h, "Performance123!"), mockapi.CodeUnavailable)
		})
		synctest.Wait()
		wg.Go(func() { wantCode(t, a.Verify(t.Context(), 1, h, "Performance123!"), "") })
		synctest.Wait()
		time.Sleep(2 * time.Second) // of the bubble's clock: the leader's deadline passes
		for range cap(a.slots) {
			<-a.slots
		}
		wg.Wait()
		if runs.Load() != 1 {
			t.Errorf("bcrypt ran %d times, want once", runs.Load())
		}
	})
}

func TestRealLoginCostRunsBcryptEveryTime(t *testing.T) {
	a, runs := counted(t, Options{RealLoginCost: true})
	h := hashOf(t, a, "Performance123!")
	for range 3 {
		wantCode(t, a.Verify(t.Context(), 1, h, "Performance123!"), "")
	}
	if runs.Load() != 3 {
		t.Errorf("bcrypt ran %d times, want 3", runs.Load())
	}
	if entries(a.verified) != 0 {
		t.Errorf("%d passwords remembered, want none", entries(a.verified))
	}
}

func TestAnUnknownAddressCostsWhatAWrongPasswordCosts(t *testing.T) {
	a, _ := counted(t, Options{})
	var costs []int
	inner := a.compare
	a.compare = func(hash, password []byte) error {
		c, err := bcrypt.Cost(hash)
		if err != nil {
			t.Error(err)
		}
		costs = append(costs, c)
		return inner(hash, password)
	}
	expensive, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost+1)
	if err != nil {
		t.Fatal(err)
	}
	known := a.Verify(t.Context(), 1, string(expensive), "wrong")
	unknown := a.VerifyNobody(t.Context(), "wrong")
	wantCode(t, unknown, mockapi.CodeInvalidCredentials)
	if known.Error() != unknown.Error() {
		t.Errorf("answers differ: %v and %v", known, unknown)
	}
	if len(costs) != 2 || costs[0] != costs[1] {
		t.Errorf("bcrypt costs %v, want two equal runs", costs)
	}
}

func TestPasswordsBeyondBcrypt(t *testing.T) {
	a, _ := counted(t, Options{})
	longest := strings.Repeat("x", MaxPassword)
	h := hashOf(t, a, longest)
	wantCode(t, a.Verify(t.Context(), 1, h, longest), "")
	// bcrypt itself would take this one for the same.
	wantCode(t, a.Verify(t.Context(), 1, h, longest+"y"), mockapi.CodeInvalidCredentials)
	_, err := a.Hash(t.Context(), longest+"y")
	wantCode(t, err, mockapi.CodeValidation)
}

func TestABrokenHashIsNobodysPassword(t *testing.T) {
	a, _ := counted(t, Options{})
	wantCode(t, a.Verify(t.Context(), 1, "not a bcrypt hash", "anything"), mockapi.CodeInternal)
}

func TestRecentIsBounded(t *testing.T) {
	r := newRecent[int](10)
	key := func(i int) (d digest) { copy(d[:], fmt.Sprint(i)); return d }
	r.put(key(-1), -1)
	for i := range 1000 {
		r.put(key(i), i)
		if v, ok := r.get(key(-1)); !ok || v != -1 {
			t.Fatalf("entry in constant use was forgotten after %d others", i)
		}
		if entries(r) > 10 {
			t.Fatalf("%d entries, want at most 10", entries(r))
		}
	}
	if _, ok := r.get(key(0)); ok {
		t.Error("an entry unused for 999 others is still there")
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, bb := range []struct {
		name string
		real bool
	}{{"remembered", false}, {"bcrypt cost 4", true}} {
		b.Run(bb.name, func(b *testing.B) {
			a, _ := counted(b, Options{RealLoginCost: bb.real})
			h, err := a.Hash(context.Background(), "Performance123!")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := a.Verify(context.Background(), 1, h, "Performance123!"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
