package suite

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/gen"
)

// Login is what a virtual user logs in with.
type Login struct {
	Email, Password string
	// User is the index of the account in the dataset, verify.Unknown where that is not known.
	User int64
	body []byte // of the request
}

func newLogin(email, password string, user int64) Login {
	body, err := json.Marshal(struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}{email, password})
	if err != nil {
		panic(err) // two strings
	}
	return Login{Email: email, Password: password, User: user, body: body}
}

// fixedLogin is a login that the document has. Its account is known where answers are verified.
func (b *base) fixedLogin(email, password string) Login {
	user := int64(verify.Unknown)
	if b.Verifier != nil {
		user = b.Verifier.User(email)
	}
	return newLogin(email, password, user)
}

// Logins gives every virtual user the login of an active account of its own: the first user has the first
// account and so on, the fixed accounts coming first. It is safe for concurrent use.
type Logins struct {
	data *gen.Dataset

	mu     sync.Mutex
	active []int64 // indices of active accounts, as far as they were needed
	next   int64   // the account to look at next
	shared bool
}

// NewLogins returns the logins of a dataset.
func NewLogins(d *gen.Dataset) *Logins { return &Logins{data: d} }

// Login returns the login of the virtual user with the ID, from 1. When there are more users than accounts,
// they share: see Shared.
func (l *Logins) Login(id int) (Login, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	users := l.data.Profile().Rows.Users
	var row gen.User
	for len(l.active) < id && l.next < users {
		if l.data.User(l.next, &row); row.Active {
			l.active = append(l.active, l.next)
		}
		l.next++
	}
	if len(l.active) == 0 {
		return Login{}, fmt.Errorf("none of the dataset's %d accounts is active", users)
	}
	if id > len(l.active) {
		l.shared = true
	}
	i := l.active[(id-1)%len(l.active)]
	email, password := l.data.Login(i)
	return newLogin(email, password, i), nil
}

// Shared tells how many active accounts there are, if that was less than there were users.
func (l *Logins) Shared() (accounts int, shared bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.active), l.shared
}

// id is the id of a login's account.
func (l *Logins) id(of Login) int64 { return l.data.FirstID(schema.Users.Name) + of.User }
