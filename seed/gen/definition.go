package gen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/medianest/testbed/seed/profile"
)

// definition is everything that a dataset is made from.
type definition struct {
	Version    int              `json:"generator_version"`
	Profile    *profile.Profile `json:"profile"`
	Seed       uint64           `json:"seed"`
	AsOf       time.Time        `json:"as_of"`
	FirstID    map[string]int64 `json:"first_id,omitempty"`
	BcryptCost int              `json:"bcrypt_cost"`
}

// Profile returns the profile, which is not to be changed.
func (d *Dataset) Profile() *profile.Profile { return d.profile }

// Options returns the options, with defaults filled in.
func (d *Dataset) Options() Options {
	o := d.opts
	o.FirstID = maps.Clone(o.FirstID)
	return o
}

// Definition returns all that the dataset is made from as a JSON object, for FromDefinition.
func (d *Dataset) Definition() json.RawMessage {
	text, err := json.Marshal(definition{
		Version: Version, Profile: d.profile, Seed: d.opts.Seed, AsOf: d.opts.AsOf, FirstID: d.opts.FirstID, BcryptCost: d.opts.BcryptCost,
	})
	if err != nil {
		panic(err) // nothing in it can fail: shares are between 0 and 1, and the time has a four-digit year
	}
	return text
}

// FromDefinition makes the dataset that Definition was asked of. It refuses one of another version of the
// generator, whose rows would be others.
func FromDefinition(text json.RawMessage) (*Dataset, error) {
	var def definition
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&def); err != nil {
		return nil, fmt.Errorf("read definition of dataset: %w", err)
	}
	if def.Version != Version {
		return nil, fmt.Errorf("the dataset was made by version %d of the generator, and this is version %d: seed it again", def.Version, Version)
	}
	if def.Profile == nil {
		return nil, fmt.Errorf("read definition of dataset: it has no profile")
	}
	return New(def.Profile, Options{Seed: def.Seed, AsOf: def.AsOf, FirstID: def.FirstID, BcryptCost: def.BcryptCost})
}
