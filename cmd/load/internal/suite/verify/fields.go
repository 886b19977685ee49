package verify

import (
	"strconv"
	"time"

	"github.com/tidwall/gjson"
)

// raw is a value as it was sent; what is missing is called so.
func raw(r gjson.Result) string {
	if !r.Exists() {
		return "missing"
	}
	return r.Raw
}

func (c *check) number(path string, got gjson.Result, want int64) {
	if got.Type != gjson.Number || got.Int() != want {
		c.differs(path, strconv.FormatInt(want, 10), raw(got))
	}
}

// optional compares with a number for which 0 stands for null.
func (c *check) optional(path string, got gjson.Result, want int64) {
	if want != 0 {
		c.number(path, got, want)
	} else if got.Type != gjson.Null || !got.Exists() {
		c.differs(path, "null", raw(got))
	}
}

// atLeast compares with a number that only grows.
func (c *check) atLeast(path string, got gjson.Result, least int64) {
	if got.Type != gjson.Number || got.Int() < least {
		c.differs(path, "at least "+strconv.FormatInt(least, 10), raw(got))
	}
}

func (c *check) text(path string, got gjson.Result, want string) {
	if got.Type != gjson.String || got.Str != want {
		c.differs(path, strconv.Quote(want), raw(got))
	}
}

// optionalText compares with a text for which none stands for null.
func (c *check) optionalText(path string, got gjson.Result, want []byte) {
	if len(want) > 0 {
		c.text(path, got, string(want))
	} else if got.Type != gjson.Null || !got.Exists() {
		c.differs(path, "null", raw(got))
	}
}

func (c *check) boolean(path string, got gjson.Result, want bool) {
	if !got.IsBool() || got.Bool() != want {
		c.differs(path, strconv.FormatBool(want), raw(got))
	}
}

// instant compares with a time in microseconds since 1970, to the millisecond that the API tells.
func (c *check) instant(path string, got gjson.Result, want int64) {
	if at, ok := milliseconds(got); !ok || at != want/1000 {
		c.differs(path, strconv.Quote(time.UnixMicro(want).UTC().Format("2006-01-02T15:04:05.000Z")), raw(got))
	}
}

// milliseconds reads a time.
func milliseconds(r gjson.Result) (int64, bool) {
	if r.Type != gjson.String {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, r.Str)
	return t.UnixMilli(), err == nil
}

// changed tells whether a row was changed since it was seeded. It notes an updatedAt that can't be: one before
// the seeded one.
func (c *check) changed(path string, got gjson.Result, seeded int64) bool {
	at, ok := milliseconds(got)
	if ok && at > seeded/1000 {
		return true
	}
	c.instant(path, got, seeded)
	return false
}
