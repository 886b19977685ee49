// Package gen makes the rows of a dataset: users, their media files, collections, tags, comments, activity and
// notifications, as a profile counts and weights them.
//
// # Any row, at any time
//
// Row i of a table is a pure function of the profile, the Options and i. Rows may be made in any order, in
// chunks of any size, by any number of workers and again after a crash, and come out the same to the byte.
// Whatever a row refers to is computed when it is needed: the owner of a file, and also the files of an owner.
// So memory does not grow with the number of rows.
//
// Rows use integer arithmetic alone. The tables that New prepares use floating point in a way that is exact
// everywhere (see package dist), so rows don't depend on the processor either.
//
// # As weighted, to the row
//
// Weights are quotas, not probabilities. Of 50,000 users 42,500 have the role user if its weight is 0.85, the fixed
// accounts included; a shuffle that depends on the seed says which. Other choices are draws.
//
// # As if people had made it
//
// Values that belong together agree: the type of a file with its name, size, dimensions, length, title, tags and with
// what people write about it; a name with its address; an upload in the activity log with the file. Ownership,
// views, comments, tags and collections are heavy-tailed. Nobody acts before signing up or after the last login,
// and nobody but the owner touches a private file.
package gen

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/ident"
	"github.com/medianest/testbed/seed/profile"
)

// Version is the version of the generator. It grows whenever the same input would give other rows.
const Version = 1

// DefaultBcryptCost is the cost of password hashes when Options leaves it at 0: the cheapest there is.
const DefaultBcryptCost = 4

// Options is what a dataset depends on besides its profile.
type Options struct {
	Seed uint64
	// AsOf is the present of the dataset, in whole microseconds: all times are at or before it.
	AsOf time.Time
	// FirstID is the id of a table's first row, 1 where it is missing. Runs that append to a dataset give
	// the ids that come after it; fixed rows exist in tables that start at 1.
	FirstID map[string]int64
	// BcryptCost is the cost of password hashes, 4 to 31; 0 means DefaultBcryptCost.
	BcryptCost int
}

// Dataset makes rows. It does not change once made and is safe for concurrent use; the structs that its
// methods fill are not.
type Dataset struct {
	profile *profile.Profile
	opts    Options
	asOf    int64

	accounts      []Account
	accountNames  []string // given names
	accountHashes [][]byte
	defaultHash   []byte

	lexicon *lexicon
	phrases *phraseBook

	users         *userPlan
	media         *mediaPlan
	collections   *collectionPlan
	tags          *tagPlan
	comments      *commentPlan
	activity      *activityPlan
	notifications *notificationPlan
}

// New prepares a dataset. It takes some milliseconds and about a megabyte, whatever the number of
// rows. What is wrong with the profile, in itself or for these options, is reported as profile.Problems.
func New(p *profile.Profile, o Options) (*Dataset, error) {
	p = p.Clone()
	if o.BcryptCost == 0 {
		o.BcryptCost = DefaultBcryptCost
	}
	o.FirstID = maps.Clone(o.FirstID)
	o.AsOf = o.AsOf.UTC().Truncate(time.Microsecond)
	d := &Dataset{profile: p, opts: o, asOf: o.AsOf.UnixMicro()}
	if err := o.validate(); err != nil {
		return nil, err
	}
	if d.FirstID(schema.Users.Name) == 1 {
		var err error
		if d.accounts, err = readAccounts(); err != nil {
			return nil, err
		}
	}
	if err := d.checkProfile(); err != nil {
		return nil, err
	}
	if err := d.hashPasswords(); err != nil {
		return nil, err
	}

	seed := ident.Seed(d.runSeed())
	d.lexicon = newLexicon(seed)
	var err error
	if d.phrases, err = newPhraseBook(d.lexicon.words); err != nil {
		return nil, err
	}
	for _, a := range d.accounts {
		given, _, _ := strings.Cut(a.Name, " ")
		d.accountNames = append(d.accountNames, given)
	}
	d.users = newUserPlan(seed, p, d.FirstID(schema.Users.Name), d.asOf, d.accounts)
	d.media = newMediaPlan(seed, p, d.FirstID(schema.MediaFiles.Name), d.users)
	d.collections = newCollectionPlan(seed, p, d.FirstID(schema.Collections.Name), d.users)
	d.tags = newTagPlan(seed, p, d.FirstID(schema.Tags.Name), d.asOf)
	d.comments = newCommentPlan(seed, p, d.FirstID(schema.Comments.Name))
	d.activity = newActivityPlan(seed, p, d.FirstID(schema.UserActivity.Name), d.users)
	d.notifications = newNotificationPlan(seed, p, d.FirstID(schema.Notifications.Name), d.users)
	return d, nil
}

// runSeed returns the seed of this run's draws. A run that appends draws differently from the first one,
// so that it adds other rows and not the same ones with other ids.
func (d *Dataset) runSeed() uint64 {
	seed := d.opts.Seed
	for i, t := range profile.Tables() {
		if first := d.FirstID(t); first != 1 {
			seed = ident.Mix(seed ^ ident.Mix(uint64(first)+uint64(i)<<56))
		}
	}
	return seed
}

// validate checks the options.
func (o *Options) validate() error {
	earliest, latest := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	if o.AsOf.Before(earliest) || o.AsOf.After(latest) {
		return fmt.Errorf("as-of time %s is not between %s and %s", o.AsOf.Format(time.RFC3339),
			earliest.Format(time.DateOnly), latest.Format(time.DateOnly))
	}
	for table, first := range o.FirstID {
		if !slices.Contains(profile.Tables(), table) {
			return fmt.Errorf("first id of %q: no such table", table)
		}
		if first < 1 || first > math.MaxInt64/2 {
			return fmt.Errorf("first id of %s: %d is not a possible id", table, first)
		}
	}
	return nil
}

// checkProfile checks the profile, and whether it has room for the rows that are always there.
func (d *Dataset) checkProfile() error {
	var problems profile.Problems
	if err := d.profile.Validate(); err != nil && !errors.As(err, &problems) {
		return err
	}
	need := func(table string, rows int64, least int, what string) {
		if rows < int64(least) {
			problems = append(problems, profile.Problem{Field: "rows." + table,
				Message: fmt.Sprintf("%d is too few for %s: at least %d", rows, what, least)})
		}
	}
	rows := d.profile.Rows
	if n := len(d.accounts); n > 0 {
		need(schema.Users.Name, rows.Users, n+1, fmt.Sprintf("the %d fixed accounts and another user", n))
	}
	if d.FirstID(schema.Tags.Name) == 1 && rows.Tags > 0 {
		need(schema.Tags.Name, rows.Tags, len(fixedTags), "the fixed tags")
	}
	if d.FirstID(schema.Collections.Name) == 1 && rows.Collections > 0 && rows.MediaFiles > 0 {
		need(schema.CollectionItems.Name, rows.CollectionItems, 1, fmt.Sprintf("collection %q", testCollection))
	}
	if len(problems) > 0 {
		return fmt.Errorf("profile %s: %w", d.profile.Name, problems)
	}
	return nil
}

// hashPasswords hashes each distinct password once.
func (d *Dataset) hashPasswords() error {
	hashes := map[string][]byte{}
	hash := func(password string) ([]byte, error) {
		if h, ok := hashes[password]; ok {
			return h, nil
		}
		h, err := hashPassword(ident.Seed(d.opts.Seed), password, d.opts.BcryptCost)
		hashes[password] = h
		return h, err
	}
	var err error
	if d.defaultHash, err = hash(DefaultPassword); err != nil {
		return err
	}
	for _, a := range d.accounts {
		h, err := hash(a.Password)
		if err != nil {
			return err
		}
		d.accountHashes = append(d.accountHashes, h)
	}
	return nil
}

// FirstID returns the id of the first row of a table.
func (d *Dataset) FirstID(table string) int64 {
	return max(1, d.opts.FirstID[table])
}

// Fingerprint returns 16 hex digits that differ between datasets with different rows.
func (d *Dataset) Fingerprint() string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s %d %d %d", Version, d.profile.Digest(), d.opts.Seed, d.asOf, d.opts.BcryptCost)
	for _, t := range profile.Tables() {
		fmt.Fprintf(h, " %s=%d", t, d.FirstID(t))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Accounts returns the fixed accounts, in the order of their ids. A run that appends has none.
func (d *Dataset) Accounts() []Account { return slices.Clone(d.accounts) }

// Login returns what user i, counted from 0, logs in with. Inactive users have logins too.
func (d *Dataset) Login(i int64) (email, password string) {
	r := d.users.at(i)
	password = DefaultPassword
	if r.rank < 0 {
		password = d.accounts[i].Password
	}
	return string(d.appendEmail(nil, r)), password
}

// Tables returns the tables of the dataset, each after those that it refers to.
func (d *Dataset) Tables() []Table {
	table := func(s schema.Table, newRowFunc func() RowFunc) Table {
		return Table{Schema: s, Rows: d.profile.Rows.Of(s.Name), NewRowFunc: newRowFunc}
	}
	return []Table{
		table(schema.Users, d.userRows),
		table(schema.MediaFiles, d.mediaFileRows),
		table(schema.Collections, d.collectionRows),
		table(schema.CollectionItems, d.collectionItemRows),
		table(schema.Tags, d.tagRows),
		table(schema.MediaTags, d.mediaTagRows),
		table(schema.Comments, d.commentRows),
		table(schema.UserActivity, d.activityRows),
		table(schema.Notifications, d.notificationRows),
	}
}
