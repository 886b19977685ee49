package verify

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/gen"
)

// passwords tells which passwords fit which hashes, each pair worked out once: bcrypt is slow by design,
// and many users share a hash.
type passwords map[[2]string]bool

func (p passwords) fit(hash, password string) bool {
	key := [2]string{hash, password}
	fits, known := p[key]
	if !known {
		fits = bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
		p[key] = fits
	}
	return fits
}

// fixedAccounts checks that every fixed account is there, active, and can log in.
func fixedAccounts(ctx context.Context, tx pgx.Tx, accounts []gen.Account, known passwords) (Finding, error) {
	f := Finding{Name: "fixed_accounts", Description: "every fixed account is there, active, and its password fits"}
	type account struct {
		ID          int64
		Email, Hash string
		Role        string
		Active      bool
	}
	emails := make([]string, len(accounts))
	for i, a := range accounts {
		emails[i] = a.Email
	}
	rows, err := tx.Query(ctx, "SELECT id, email, password_hash, role, is_active FROM users WHERE email = ANY ($1)", emails)
	if err != nil {
		return Finding{}, fmt.Errorf("verify %s: %w", f.Name, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[account])
	if err != nil {
		return Finding{}, fmt.Errorf("verify %s: %w", f.Name, err)
	}
	byEmail := make(map[string]account, len(found))
	for _, a := range found {
		byEmail[a.Email] = a
	}
	for _, want := range accounts {
		switch got, there := byEmail[want.Email]; {
		case !there:
			f.add(want.Email + " is missing")
		case got.ID != want.ID:
			f.add(fmt.Sprintf("%s has id %d instead of %d", want.Email, got.ID, want.ID))
		case got.Role != want.Role:
			f.add(fmt.Sprintf("%s is %s instead of %s", want.Email, got.Role, want.Role))
		case !got.Active:
			f.add(want.Email + " is not active")
		case !known.fit(got.Hash, want.Password):
			f.add(want.Email + " has another password")
		}
	}
	f.OK = f.Offending == 0
	return f, nil
}

// otherPasswords checks that users without a fixed account can log in with the common password. It looks at
// the twenty most common hashes, of which there should be one.
func otherPasswords(ctx context.Context, tx pgx.Tx, s seeded, fixed []gen.Account, known passwords) (Finding, error) {
	f := Finding{Name: "common_password", Description: "every other user's password is the common one"}
	rows, err := tx.Query(ctx, `SELECT password_hash, count(*), min(id) FROM users WHERE `+s.within("users", "id")+`
		AND id > $1 GROUP BY password_hash ORDER BY 2 DESC LIMIT 20`, len(fixed))
	if err != nil {
		return Finding{}, fmt.Errorf("verify %s: %w", f.Name, err)
	}
	var hash string
	var users, first int64
	_, err = pgx.ForEachRow(rows, []any{&hash, &users, &first}, func() error {
		if !known.fit(hash, gen.DefaultPassword) {
			f.add(fmt.Sprintf("%d users with the hash of user %d", users, first))
			f.Offending += users - 1
		}
		return nil
	})
	if err != nil {
		return Finding{}, fmt.Errorf("verify %s: %w", f.Name, err)
	}
	f.OK = f.Offending == 0
	return f, nil
}

// fixedNames checks that the tags and the collection that the suites look for are there. They are the first
// of their tables.
func fixedNames(ctx context.Context, tx pgx.Tx, r ledgerRun) (Finding, error) {
	f := Finding{Name: "fixed_names", Description: "the fixed tags and the fixed collection are there"}
	tags := []string{"photo", "image", "video", "document", "test"}
	collections := []string{"Test Collection"}
	tags = tags[:min(int64(len(tags)), r.rows[schema.Tags.Name])]
	collections = collections[:min(int64(len(collections)), r.rows[schema.Collections.Name])]
	rows, err := tx.Query(ctx, `
		SELECT 'tag ' || want FROM unnest($1::text[]) AS want WHERE NOT EXISTS (SELECT FROM tags WHERE name = want)
		UNION ALL
		SELECT 'collection ' || want FROM unnest($2::text[]) AS want WHERE NOT EXISTS (SELECT FROM collections WHERE name = want)`,
		tags, collections)
	if err != nil {
		return Finding{}, fmt.Errorf("verify %s: %w", f.Name, err)
	}
	absent, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return Finding{}, fmt.Errorf("verify %s: %w", f.Name, err)
	}
	for _, what := range absent {
		f.add(what + " is missing")
	}
	f.OK = f.Offending == 0
	return f, nil
}

// add counts an offender and keeps it as a sample.
func (f *Finding) add(what string) {
	f.Offending++
	if len(f.Samples) < samples {
		f.Samples = append(f.Samples, what)
	}
}
