// Package seed loads a generated dataset into PostgreSQL as fast as COPY allows, and so that an interrupted
// load can be finished by running it again.
//
// A load is cut into units: a whole table where the table starts empty, a chunk of rows where it does not.
// A unit's rows commit together with its line in the ledger (table seed_units), so after a crash at any
// moment the ledger says exactly what is there. Secondary indexes and foreign keys are dropped before the
// load and rebuilt after it; the definitions owed are kept in seed_deferred, which commits with the drop.
//
//	ds := seed.FromGen(dataset)
//	result, err := seed.Load(ctx, dsn, ds, seed.Options{})
package seed

import (
	"encoding/json"
	"time"

	"github.com/medianest/testbed/seed/gen"
)

// Identity says which dataset it is: everything that its rows depend on. Two datasets with one Fingerprint
// have the same rows.
type Identity struct {
	// Fingerprint names the dataset; see gen.Dataset.Fingerprint.
	Fingerprint string `json:"fingerprint"`
	// Profile is the name of the profile and ProfileDigest a digest of its counts and weights.
	Profile       string `json:"profile"`
	ProfileDigest string `json:"profile_digest"`
	// Seed is the seed of all random draws.
	Seed uint64 `json:"seed"`
	// AsOf is the instant that all times are relative to.
	AsOf time.Time `json:"as_of"`
	// GeneratorVersion changes when the generator makes other rows from the same input.
	GeneratorVersion int `json:"generator_version"`
	// FirstID is the id of row 0 by table name, for the tables with an identity column; 1 where not named.
	FirstID map[string]int64 `json:"first_id,omitempty"`
	// Definition is the whole input of the generator as JSON, enough to make the dataset again.
	Definition json.RawMessage `json:"definition,omitempty"`
}

// Dataset is what a run loads.
type Dataset struct {
	Identity
	// Tables are the tables to load, each after those that it refers to. A table of the schema that is not
	// among them stays empty.
	Tables []gen.Table
}

// FromGen returns a generated dataset as what to load.
func FromGen(d *gen.Dataset) Dataset {
	p, o := d.Profile(), d.Options()
	return Dataset{
		Identity: Identity{
			Fingerprint: d.Fingerprint(), Profile: p.Name, ProfileDigest: p.Digest(), Seed: o.Seed, AsOf: o.AsOf,
			GeneratorVersion: gen.Version, FirstID: o.FirstID, Definition: d.Definition(),
		},
		Tables: d.Tables(),
	}
}

// Rows returns the number of rows of all tables.
func (d Dataset) Rows() int64 {
	var n int64
	for _, t := range d.Tables {
		n += t.Rows
	}
	return n
}
