package suite_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/suite"
	"github.com/medianest/testbed/cmd/load/internal/suite/librarytest"
	"github.com/medianest/testbed/seed/gen"
)

// Every user has an active account of its own, whoever asks first, until there are no more.
func TestUniqueLogins(t *testing.T) {
	d := librarytest.New(t).Data
	active := 0
	var u gen.User
	for i := range d.Profile().Rows.Users {
		if d.User(i, &u); u.Active {
			active++
		}
	}
	l := suite.NewLogins(d)
	logins := make([]suite.Login, active+5)
	var wg sync.WaitGroup
	for id := len(logins); id >= 1; id-- {
		wg.Go(func() {
			login, err := l.Login(id)
			if err != nil {
				t.Error(err)
			}
			logins[id-1] = login
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for i, login := range logins[:active] {
		if seen[login.Email] {
			t.Errorf("user %d shares %s", i+1, login.Email)
		}
		seen[login.Email] = true
		if d.User(login.User, &u); !u.Active || string(u.Email) != login.Email {
			t.Errorf("user %d has %s, of which the account is %s, active %v", i+1, login.Email, u.Email, u.Active)
		}
	}
	if logins[0].Email != "perf.user1@medianest.test" {
		t.Errorf("user 1 has %s, want the first account", logins[0].Email)
	}
	if logins[active].Email != logins[0].Email {
		t.Errorf("user %d has %s, want to share the first account", active+1, logins[active].Email)
	}
	if n, shared := l.Shared(); n != active || !shared {
		t.Errorf("Shared: %d, %v; want %d, true", n, shared, active)
	}
}

// Users with logins of their own change their own rows: those of user 1 are for an admin.
func TestOwnRowsInTransactions(t *testing.T) {
	l := librarytest.New(t)
	w := newWorld(t, suite.Database, l.URL, func(c *suite.Config) { c.Logins = suite.NewLogins(l.Data) })
	w.run(20)
	if n := l.Requests("POST /api/v1/transactions/execute"); n != 20 {
		t.Errorf("%d transactions in 20 iterations", n)
	}
	users := l.TransactionOwners()
	if len(users) != 10 || users[1] != 2 || users[2] != 2 {
		t.Errorf("rows of users %v, want two times those of each of ten", users)
	}
}

func TestUnknownSuite(t *testing.T) {
	_, err := suite.New("cor", suite.Config{})
	if err == nil || !strings.Contains(err.Error(), "core") {
		t.Errorf("want the names of suites, got %v", err)
	}
}

func TestTargetThatIsNotThere(t *testing.T) {
	w := newWorld(t, suite.Core, "http://127.0.0.1:1", nil)
	err := w.suite.Setup(w.user(0, nil))
	if err == nil || !strings.Contains(err.Error(), "is the server running") {
		t.Errorf("want a hint, got %v", err)
	}
}
