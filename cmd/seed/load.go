package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// loadCmd seeds a database, or writes the same rows to files.
type loadCmd struct {
	Profile    string      `name:"profile" short:"p" env:"MEDIANEST_PROFILE" placeholder:"NAME|FILE" help:"Built-in profile (see seed profiles) or YAML file."`
	Seed       uint64      `name:"seed" env:"MEDIANEST_SEED" default:"1" help:"Seed of all random draws."`
	AsOf       string      `name:"as-of" env:"MEDIANEST_AS_OF" placeholder:"TIME|now" help:"Present time of the dataset, as in 2026-01-31T12:00:00Z. Without it, that of the run in the database, else now."`
	OnExisting seed.Policy `name:"on-existing" env:"MEDIANEST_ON_EXISTING" default:"resume" placeholder:"POLICY" help:"What to do with a database that has rows: resume (finish an interrupted run of the same dataset, leave a finished one, refuse another), fail, replace or append."`
	Workers    int         `name:"workers" env:"MEDIANEST_WORKERS" default:"${workers}" help:"Connections that load at once."`
	BcryptCost int         `name:"bcrypt-cost" env:"MEDIANEST_BCRYPT_COST" default:"${cost}" help:"Cost of password hashes, 4 to 31."`
	Out        string      `name:"out" type:"path" placeholder:"DIR" help:"Write files for COPY into this empty or new directory, and touch no database."`
	Format     string      `name:"format" default:"binary" placeholder:"binary|csv" help:"Format of the files of --out: binary or csv."`
	NoProgress bool        `name:"no-progress" env:"MEDIANEST_NO_PROGRESS" help:"Show no progress."`
	Counts     counts      `embed:"" group:"Row counts instead of the profile's:"`
}

// counts are the flags that override a profile's number of rows.
type counts struct {
	Users           *int64 `name:"users" placeholder:"N" help:"Users."`
	MediaFiles      *int64 `name:"media-files" placeholder:"N" help:"Media files."`
	Collections     *int64 `name:"collections" placeholder:"N" help:"Collections."`
	CollectionItems *int64 `name:"collection-items" placeholder:"N" help:"Items of collections."`
	Tags            *int64 `name:"tags" placeholder:"N" help:"Tags."`
	MediaTags       *int64 `name:"media-tags" placeholder:"N" help:"Tags of media files."`
	Comments        *int64 `name:"comments" placeholder:"N" help:"Comments."`
	UserActivity    *int64 `name:"user-activity" placeholder:"N" help:"Entries of user activity."`
	Notifications   *int64 `name:"notifications" placeholder:"N" help:"Notifications."`
}

// overrides returns the counts that were given, by table.
func (c counts) overrides() map[string]int64 {
	given := map[string]int64{}
	for table, n := range map[string]*int64{
		schema.Users.Name: c.Users, schema.MediaFiles.Name: c.MediaFiles, schema.Collections.Name: c.Collections,
		schema.CollectionItems.Name: c.CollectionItems, schema.Tags.Name: c.Tags, schema.MediaTags.Name: c.MediaTags,
		schema.Comments.Name: c.Comments, schema.UserActivity.Name: c.UserActivity, schema.Notifications.Name: c.Notifications,
	} {
		if n != nil {
			given[table] = *n
		}
	}
	return given
}

// maxWorkers is far more than any server gains from.
const maxWorkers = 64

// input is what the flags come to.
type input struct {
	profile *profile.Profile
	// asOf is zero where the database decides.
	asOf   time.Time
	format seed.Format
}

// validate checks all flags and the profile, and reports everything that is wrong at once.
func (c *loadCmd) validate(a *app) (input, error) {
	var in input
	var wrong []error
	flag := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if c.Profile == "" {
		flag("--profile is missing: name a built-in profile (%s) or a YAML file", strings.Join(profile.Names(), ", "))
	} else if p, err := profile.Load(c.Profile, c.Counts.overrides()); err != nil {
		wrong = append(wrong, err)
	} else {
		in.profile = p
	}
	if c.AsOf == "now" {
		in.asOf = now()
	} else if c.AsOf != "" {
		at, err := time.Parse(time.RFC3339, c.AsOf)
		if err != nil {
			flag("--as-of: %q is not a time such as 2026-01-31T12:00:00Z, or now", c.AsOf)
		}
		in.asOf = at.UTC().Truncate(time.Microsecond)
	}
	if c.Workers < 1 || c.Workers > maxWorkers {
		flag("--workers: %d is not between 1 and %d", c.Workers, maxWorkers)
	}
	if c.BcryptCost < 4 || c.BcryptCost > 31 {
		flag("--bcrypt-cost: %d is not between 4 and 31", c.BcryptCost)
	}
	switch in.format = seed.Format(c.Format); in.format {
	case seed.FormatBinary:
	case seed.FormatCSV:
		if c.Out == "" {
			flag("--format: it goes with --out, which is missing")
		}
	default:
		flag("--format: %q is neither binary nor csv", c.Format)
	}
	if err := a.validateDatabase(); err != nil {
		wrong = append(wrong, err)
	}
	if in.profile != nil {
		if err := c.tryOut(in); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return input{}, usageError{errors.Join(wrong...)}
	}
	return in, nil
}

// tryOut makes the dataset, as far as that is possible without a database, for what it finds wrong.
func (c *loadCmd) tryOut(in input) error {
	o := gen.Options{Seed: c.Seed, AsOf: in.asOf}
	if o.AsOf.IsZero() {
		o.AsOf = now()
	}
	if c.OnExisting == seed.Append {
		// Rows to append need no room for the fixed ones, which come first.
		o.FirstID = map[string]int64{}
		for _, table := range profile.Tables() {
			o.FirstID[table] = 2
		}
	}
	_, err := gen.New(in.profile, o)
	return err
}

// now is the present to the second, which is short enough to type.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// Run validates, and touches nothing before everything is found to be right.
func (c *loadCmd) Run(a *app) error {
	in, err := c.validate(a)
	if err != nil {
		return err
	}
	if c.Out != "" {
		return c.write(a, in)
	}
	return a.withDatabase(func(ctx context.Context, dsn string) error {
		if err := schema.Up(ctx, dsn); err != nil {
			return err
		}
		ds, err := c.dataset(ctx, dsn, in)
		if err != nil {
			return err
		}
		display := a.newProgress(!c.NoProgress)
		result, err := seed.Load(ctx, dsn, ds, seed.Options{
			OnExisting: c.OnExisting, Workers: c.Workers, Progress: display.update,
		})
		display.close()
		if err != nil {
			return err
		}
		return a.showLoad(ctx, dsn, result)
	})
}

// dataset prepares the dataset, which depends on the database where the flags leave its as-of time open
// and for the ids of rows to append.
func (c *loadCmd) dataset(ctx context.Context, dsn string, in input) (seed.Dataset, error) {
	o := gen.Options{Seed: c.Seed, AsOf: in.asOf, BcryptCost: c.BcryptCost}
	if o.AsOf.IsZero() {
		o.AsOf = now()
		recorded, err := seed.Recorded(ctx, dsn)
		if err != nil {
			return seed.Dataset{}, err
		}
		if recorded != nil && (c.OnExisting != seed.Replace || c.began(recorded, in)) {
			o.AsOf = recorded.AsOf
		}
	}
	if c.OnExisting == seed.Append {
		first, err := seed.NextIDs(ctx, dsn)
		if err != nil {
			return seed.Dataset{}, err
		}
		o.FirstID = first
	}
	return prepare(in.profile, o)
}

// began tells whether run is a replacement that this same command began and did not finish.
func (c *loadCmd) began(run *seed.Run, in input) bool {
	return !run.Finished() && run.Seed == c.Seed && run.ProfileDigest == in.profile.Digest()
}

func prepare(p *profile.Profile, o gen.Options) (seed.Dataset, error) {
	g, err := gen.New(p, o)
	if err != nil {
		return seed.Dataset{}, usageError{err}
	}
	return seed.FromGen(g), nil
}

// write writes files instead of filling a database.
func (c *loadCmd) write(a *app, in input) error {
	o := gen.Options{Seed: c.Seed, AsOf: in.asOf, BcryptCost: c.BcryptCost}
	if o.AsOf.IsZero() {
		o.AsOf = now()
	}
	ds, err := prepare(in.profile, o)
	if err != nil {
		return err
	}
	display := a.newProgress(!c.NoProgress)
	start := time.Now()
	err = seed.WriteFiles(a.ctx, ds, c.Out, in.format, seed.FileOptions{Workers: c.Workers, Progress: display.update})
	display.close()
	if err != nil {
		return err
	}
	return a.showFiles(ds, c.Out, in.format, time.Since(start))
}
