// Package gen makes the rows of a dataset.
package gen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"time"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/pgcopy"
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

// Dataset makes rows. It is safe for concurrent use; the structs that its methods fill are not.
type Dataset struct {
	profile  *profile.Profile
	opts     Options
	asOf     int64
	accounts []Account
}

// New prepares a dataset: it costs some milliseconds and memory that does not grow with the number of rows.
func New(p *profile.Profile, o Options) (*Dataset, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	if o.BcryptCost == 0 {
		o.BcryptCost = DefaultBcryptCost
	}
	o.FirstID = maps.Clone(o.FirstID)
	accounts, err := readAccounts()
	if err != nil {
		return nil, err
	}
	return &Dataset{profile: p, opts: o, asOf: o.AsOf.UnixMicro(), accounts: accounts}, nil
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

// Accounts returns the fixed accounts.
func (d *Dataset) Accounts() []Account { return d.accounts }

// Login returns what user i, counted from 0, logs in with.
func (d *Dataset) Login(i int64) (email, password string) {
	var u User
	d.User(i, &u)
	if i < int64(len(d.accounts)) {
		return string(u.Email), d.accounts[i].Password
	}
	return string(u.Email), DefaultPassword
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

func text(e pgcopy.Encoder, v []byte) {
	if len(v) == 0 {
		e.Null()
		return
	}
	e.Text(v)
}

func instant(e pgcopy.Encoder, unixMicro int64) {
	if unixMicro == 0 {
		e.Null()
		return
	}
	e.Time(unixMicro)
}

func number(e pgcopy.Encoder, v int32) {
	if v == 0 {
		e.Null()
		return
	}
	e.Int32(v)
}
