package gen

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/blowfish" //lint:ignore SA1019 bcrypt is made of it

	"github.com/medianest/testbed/seed/ident"
)

// bcryptBase64 is base64 in the alphabet of bcrypt's inventors.
var bcryptBase64 = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)

// hashPassword returns the bcrypt hash of a password with a salt that is made from the seed and the
// password: x/crypto/bcrypt always draws its own, which would change the rows from run to run. The salt is
// worth nothing against an attacker, like the passwords themselves, which are public.
func hashPassword(seed ident.Seed, password string, cost int) ([]byte, error) {
	switch {
	case cost < bcrypt.MinCost || cost > bcrypt.MaxCost:
		return nil, fmt.Errorf("bcrypt cost %d is not between %d and %d", cost, bcrypt.MinCost, bcrypt.MaxCost)
	case len(password) > 72:
		return nil, bcrypt.ErrPasswordTooLong
	}
	var salt []byte
	key := seed.Key("salt " + password)
	for i := range int64(2) {
		for r := key.Row(i); len(salt) < int(8*(i+1)); r >>= 8 {
			salt = append(salt, byte(r))
		}
	}

	// Provos and Mazieres, "A future-adaptable password scheme", 1999; the key has its final NUL.
	secret := append([]byte(password), 0)
	cipher, err := blowfish.NewSaltedCipher(secret, salt)
	if err != nil {
		return nil, fmt.Errorf("hash password: %w", err)
	}
	for range uint64(1) << cost {
		blowfish.ExpandKey(secret, cipher)
		blowfish.ExpandKey(salt, cipher)
	}
	text := []byte("OrpheanBeholderScryDoubt")
	for block := text; len(block) > 0; block = block[8:] {
		for range 64 {
			cipher.Encrypt(block[:8], block[:8])
		}
	}
	hash := fmt.Appendf(nil, "$2a$%02d$", cost)
	hash = bcryptBase64.AppendEncode(hash, salt)
	return bcryptBase64.AppendEncode(hash, text[:23]), nil
}
