package verify

import (
	"encoding/json"
	"reflect"

	"github.com/tidwall/gjson"

	"github.com/medianest/testbed/schema"
)

// Login holds the answer to a login against the account: the tokens must be those of who asked.
func (v *Verifier) Login(a *Answer) bool {
	return v.holdJSON(a, func(c *check) { c.account("data", c.body.Get("data"), a.Viewer) })
}

// Profile holds the viewer's own profile against the account.
func (v *Verifier) Profile(a *Answer) bool { return v.Login(a) }

// account compares all that an account's owner sees.
func (c *check) account(path string, got gjson.Result, user int64) {
	if user < 0 {
		return
	}
	u := &c.user
	c.data.User(user, u)
	c.number(path+".id", got.Get("id"), u.ID)
	c.text(path+".email", got.Get("email"), string(u.Email))
	c.text(path+".role", got.Get("role"), u.Role)
	c.boolean(path+".isActive", got.Get("isActive"), u.Active)
	c.instant(path+".createdAt", got.Get("createdAt"), u.CreatedAt)
	if c.changed(path+".updatedAt", got.Get("updatedAt"), u.UpdatedAt) {
		return
	}
	c.text(path+".name", got.Get("name"), string(u.Name))
	if p := got.Get("preferences"); !sameJSON(p.Raw, string(u.Preferences)) {
		c.differs(path+".preferences", string(u.Preferences), raw(p))
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// PublicProfile holds what everybody may see of the account with the id against it; the owner and admins are
// shown more, which is compared too.
func (v *Verifier) PublicProfile(a *Answer, id int64) bool {
	return v.holdJSON(a, func(c *check) {
		data := c.body.Get("data")
		c.number("data.id", data.Get("id"), id)
		i, seeded := c.index(schema.Users, id)
		if !seeded {
			return
		}
		if data.Get("email").Exists() {
			c.account("data", data, i)
			return
		}
		c.data.User(i, &c.user)
		c.text("data.name", data.Get("name"), string(c.user.Name))
		c.text("data.role", data.Get("role"), c.user.Role)
		c.instant("data.createdAt", data.Get("createdAt"), c.user.CreatedAt)
	})
}

// ProfileUpdated holds the answer to a change of preferences against what was sent.
func (v *Verifier) ProfileUpdated(a *Answer, theme string, notifications bool) bool {
	return v.holdJSON(a, func(c *check) {
		data := c.body.Get("data")
		c.viewers("data.id", data.Get("id"))
		c.text("data.preferences.theme", data.Get("preferences.theme"), theme)
		c.boolean("data.preferences.notifications", data.Get("preferences.notifications"), notifications)
	})
}
