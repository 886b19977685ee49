package verify

import (
	"errors"
	"fmt"
	"time"

	"github.com/tidwall/gjson"

	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// Served is what a target's /health says of the dataset that it serves.
type Served struct {
	Fingerprint string    `json:"fingerprint"`
	Profile     string    `json:"profile"`
	Seed        uint64    `json:"seed"`
	AsOf        time.Time `json:"asOf"`
	Complete    bool      `json:"complete"`
}

// String says which dataset it is.
func (s Served) String() string {
	return fmt.Sprintf("%s (profile %s, seed %d, as of %s)", s.Fingerprint, s.Profile, s.Seed, s.AsOf.UTC().Format(time.RFC3339))
}

// ReadHealth reads the body of a target's /health; nil where it names no dataset.
func ReadHealth(body []byte) (*Served, error) {
	if !gjson.ValidBytes(body) {
		return nil, errors.New("/health answered what is not JSON")
	}
	d := gjson.GetBytes(body, "dataset")
	if !d.Exists() || d.Type == gjson.Null {
		return nil, nil
	}
	asOf, err := time.Parse(time.RFC3339Nano, d.Get("asOf").Str)
	if err != nil || d.Get("fingerprint").Str == "" || d.Get("profile").Str == "" {
		return nil, fmt.Errorf("/health names a dataset without fingerprint, profile or asOf: %s", d.Raw)
	}
	return &Served{
		Fingerprint: d.Get("fingerprint").Str, Profile: d.Get("profile").Str, Seed: d.Get("seed").Uint(), AsOf: asOf,
		Complete: d.Get("complete").Bool(),
	}, nil
}

// Wanted is what the user says of the dataset; what is left out is taken from the target.
type Wanted struct {
	Profile string     `json:"profile,omitempty"` // name or file
	Seed    *uint64    `json:"seed,omitempty"`
	AsOf    *time.Time `json:"asOf,omitempty"`
	// BcryptCost is the seeder's; 0 is its default.
	BcryptCost int `json:"bcryptCost,omitempty"`
}

// Dataset makes the dataset that the target serves. It is refused where the rows made here would be others than
// those that are there. A target that names no dataset is taken at the user's word, which then has to be whole.
func Dataset(w Wanted, served *Served) (*gen.Dataset, error) {
	if served == nil {
		if w.Profile == "" || w.Seed == nil || w.AsOf == nil {
			return nil, errors.New("the target's /health names no dataset: give its profile, seed and as-of time, as in --dataset profile=ci,seed=1,as-of=2026-01-31T12:00:00Z")
		}
		served = &Served{Profile: w.Profile, Seed: *w.Seed, AsOf: *w.AsOf, Complete: true}
	}
	if !served.Complete {
		return nil, fmt.Errorf("the target's dataset %s is not complete: finish seeding it, or seed it again", served)
	}
	here := *served
	if w.Profile != "" {
		here.Profile = w.Profile
	}
	if w.Seed != nil {
		here.Seed = *w.Seed
	}
	if w.AsOf != nil {
		here.AsOf = *w.AsOf
	}
	p, err := profile.Load(here.Profile, nil)
	if err != nil {
		return nil, fmt.Errorf("dataset of the target, %s: %w (give the profile's file where it is none of the embedded ones)", served, err)
	}
	d, err := gen.New(p, gen.Options{Seed: here.Seed, AsOf: here.AsOf, BcryptCost: w.BcryptCost})
	if err != nil {
		return nil, fmt.Errorf("dataset of the target, %s: %w", served, err)
	}
	here.Fingerprint = d.Fingerprint()
	if served.Fingerprint != "" && served.Fingerprint != here.Fingerprint {
		if w != (Wanted{}) {
			return nil, fmt.Errorf("the target serves dataset %s, and the one that is asked for is %s: leave out what the target itself tells, or seed it with that", served, here)
		}
		return nil, fmt.Errorf("the target serves dataset %s, but here that is %s: name the profile file, seed, as-of time and bcrypt cost that it was seeded with, or seed it by this version", served, here)
	}
	return d, nil
}
