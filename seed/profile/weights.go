package profile

import "slices"

// Weights says how values are distributed. Each is a share between 0 and 1; the shares of a map or a list
// sum to 1.
type Weights struct {
	// Roles is the share of users in each role; see Roles.
	Roles map[string]float64 `json:"roles"`
	// Active is the share of users whose account is active.
	Active float64 `json:"active"`
	// Public is the share of media files that everybody may see.
	Public float64 `json:"public"`
	// MIMETypes is the share of media files of each type; see MIMETypes.
	MIMETypes map[string]float64 `json:"mime_types"`
	// Sizes is the share of media files of each range of sizes, smallest first.
	Sizes []SizeRange `json:"sizes"`
}

// SizeRange is a range of file sizes and the share of media files in it.
type SizeRange struct {
	// Min and Max bound the size in bytes: Min <= size < Max.
	Min    int64   `json:"min"`
	Max    int64   `json:"max"`
	Weight float64 `json:"weight"`
}

// DefaultWeights returns the weights of the MediaNest performance-testing document's data seeder.
func DefaultWeights() Weights {
	return Weights{
		Roles:     map[string]float64{"user": 0.85, "moderator": 0.10, "admin": 0.05},
		Active:    0.9,
		Public:    0.7,
		MIMETypes: map[string]float64{"image/jpeg": 0.40, "image/png": 0.30, "video/mp4": 0.15, "application/pdf": 0.10, "video/avi": 0.05},
		Sizes: []SizeRange{
			{Min: 50_000, Max: 500_000, Weight: 0.3},
			{Min: 500_000, Max: 2_000_000, Weight: 0.4},
			{Min: 2_000_000, Max: 10_000_000, Weight: 0.2},
			{Min: 10_000_000, Max: 100_000_000, Weight: 0.1},
		},
	}
}

// Roles returns the roles that a user can have.
func Roles() []string { return []string{"user", "moderator", "admin"} }

// MIMETypes returns the media types that a dataset can have.
func MIMETypes() []string {
	return []string{"image/jpeg", "image/png", "video/mp4", "application/pdf", "video/avi"}
}

// sortedSizes returns the ranges in ascending order, whatever order they were written in.
func (w *Weights) sortedSizes() []SizeRange {
	sizes := slices.Clone(w.Sizes)
	slices.SortStableFunc(sizes, func(a, b SizeRange) int { return int(min(1, max(-1, a.Min-b.Min))) })
	return sizes
}
