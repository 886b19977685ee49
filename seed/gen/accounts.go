package gen

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/medianest/testbed/fixtures"
)

// Account is one of the accounts that every dataset has.
type Account struct {
	ID       int64
	Email    string
	Password string
	Role     string
	Name     string
}

// DefaultPassword is the password of every user who is not one of the fixed accounts.
const DefaultPassword = "Performance123!"

// readAccounts returns the fixed accounts in the order of their ids, which count from 1.
func readAccounts() ([]Account, error) {
	var file struct {
		Accounts []struct{ Email, Password, Role, Name string }
	}
	d := yaml.NewDecoder(bytes.NewReader(fixtures.Accounts))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("read accounts.yaml: %w", err)
	}
	accounts := make([]Account, len(file.Accounts))
	for i, a := range file.Accounts {
		accounts[i] = Account{ID: int64(i + 1), Email: a.Email, Password: a.Password, Role: a.Role, Name: a.Name}
	}
	return accounts, nil
}
