package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// CredentialsByEmail implements mockapi.UserStore.
func (s *Store) CredentialsByEmail(ctx context.Context, email string) (mockapi.Credentials, error) {
	c, found, err := s.logins.get(ctx, email)
	if err == nil && !found {
		err = mockapi.Errorf(mockapi.CodeNotFound, noUser)
	}
	return c, err
}

func (s *Store) fetchLogins(ctx context.Context, emails []string) (map[string]mockapi.Credentials, error) {
	const columns = "SELECT " + userColumns + ", password_hash FROM users WHERE email"
	found := make(map[string]mockapi.Credentials, len(emails))
	err := fetch(ctx, s, "look up logins", columns+" = $1", columns+" = ANY ($1)", emails, func(r *row) {
		var c mockapi.Credentials
		scanUser(r, &c.User)
		c.PasswordHash = r.text()
		found[c.Email] = c
	})
	return found, err
}

// User implements mockapi.UserStore.
func (s *Store) User(ctx context.Context, id int64) (mockapi.User, error) {
	u, found, err := s.usersByID.get(ctx, id)
	if err == nil && !found {
		err = mockapi.Errorf(mockapi.CodeNotFound, noUser)
	}
	return u, err
}

func (s *Store) fetchUsers(ctx context.Context, ids []int64) (map[int64]mockapi.User, error) {
	const columns = "SELECT " + userColumns + " FROM users WHERE id"
	found := make(map[int64]mockapi.User, len(ids))
	err := fetch(ctx, s, "look up users", columns+" = $1", columns+" = ANY ($1)", ids, func(r *row) {
		var u mockapi.User
		scanUser(r, &u)
		found[u.ID] = u
	})
	return found, err
}

// CreateUser implements mockapi.UserStore.
func (s *Store) CreateUser(ctx context.Context, n mockapi.NewUser) (mockapi.User, error) {
	const q = "INSERT INTO users (email, name, password_hash) SELECT $1, $2, $3 FROM " + durable + " RETURNING " + xid + ", " + userColumns
	var u mockapi.User
	var tx uint64
	err := s.write(ctx, "create user", func(ctx context.Context, c *pgx.Conn) error {
		return queryOne(ctx, c, "", q, []any{n.Email, n.Name, n.PasswordHash}, func(r *row) {
			tx = r.xid()
			scanUser(r, &u)
		})
	})
	if err == nil {
		s.totals.users.add(written{tx, 1, 1})
	}
	return u, err
}

// UpdateUser implements mockapi.UserStore.
func (s *Store) UpdateUser(ctx context.Context, id int64, change mockapi.UserUpdate) (mockapi.User, error) {
	const q = `UPDATE users SET name = coalesce($2, name), preferences = preferences || coalesce($3::jsonb, '{}'),
		updated_at = greatest(now(), created_at) WHERE id = $1 RETURNING ` + userColumns
	var preferences any
	if len(change.Preferences) > 0 {
		preferences = change.Preferences
	}
	var u mockapi.User
	err := s.write(ctx, "update user", func(ctx context.Context, c *pgx.Conn) error {
		return queryOne(ctx, c, noUser, q, []any{id, change.Name, preferences}, func(r *row) { scanUser(r, &u) })
	})
	return u, err
}

// Users implements mockapi.UserStore.
func (s *Store) Users(ctx context.Context, p mockapi.PageRequest) (mockapi.Page[mockapi.User], error) {
	const q = "SELECT " + userColumns + " FROM users WHERE id > $1 ORDER BY id LIMIT $2 OFFSET $3"
	w, err := newWindow(p, orderID)
	if err != nil {
		return mockapi.Page[mockapi.User]{}, err
	}
	var after int64
	if w.after != nil {
		after = w.after.id
	}
	var found mockapi.Page[mockapi.User]
	err = s.read(ctx, "list users", func(ctx context.Context, c *pgx.Conn) error {
		items, err := collect(ctx, c, w, q, []any{after, w.rows(), w.offset}, func(r *row, u, _ *mockapi.User) { scanUser(r, u) })
		if err != nil {
			return err
		}
		found = page(items, w, func(u *mockapi.User) cursor { return cursor{order: orderID, id: u.ID} })
		if found.TotalKind != "" {
			return nil
		}
		if _, all, known := s.totals.users.get(); known {
			found.Total, found.TotalKind = all, mockapi.TotalMaintained
			return nil
		}
		found.Total, found.TotalKind, err = s.totals.cappedTotal(ctx, c, "users", "FROM users", nil)
		return err
	})
	return found, err
}
