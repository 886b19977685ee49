package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Digest returns the SHA-256 in hex of what of the profile influences rows. The name, the description,
// the order of fields, and shares of 0, which say the same as no share, don't count.
func (p *Profile) Digest() string {
	var b strings.Builder
	for _, t := range Tables() {
		fmt.Fprintf(&b, "rows.%s=%d\n", t, p.Rows.Of(t))
	}
	share := func(name string, w float64) {
		if w != 0 {
			fmt.Fprintf(&b, "weights.%s=%s\n", name, strconv.FormatFloat(w, 'g', -1, 64))
		}
	}
	for _, r := range Roles() {
		share("roles."+r, p.Weights.Roles[r])
	}
	share("active", p.Weights.Active)
	share("public", p.Weights.Public)
	for _, m := range MIMETypes() {
		share("mime_types."+m, p.Weights.MIMETypes[m])
	}
	for _, s := range p.Weights.sortedSizes() {
		share(fmt.Sprintf("sizes.%d-%d", s.Min, s.Max), s.Weight)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}
