package scenario

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Size is a number of bytes that is written as 512MiB, 2GiB or 1.5GB.
type Size int64

// unit is one that sizes are written in.
type unit struct {
	name  string
	bytes int64
}

// units are those that are written, the largest first, and then those that are only read.
func units() (written, read []unit) {
	return []unit{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}},
		[]unit{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}
}

// ParseSize reads a size. A number without a unit is of bytes.
func ParseSize(text string) (Size, error) {
	bad := fmt.Errorf("%q is not a size such as 512MiB, 2GiB or 1.5GB", text)
	number, factor := strings.TrimSpace(text), 1.0
	written, read := units()
	for _, u := range append(written, read...) {
		if body, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(body), float64(u.bytes)
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(v) || v < 0 || v*factor > math.MaxInt64/2 {
		return 0, bad
	}
	return Size(math.Round(v * factor)), nil
}

// String writes the size in the largest binary unit in which it is whole.
func (s Size) String() string {
	written, _ := units()
	for _, u := range written {
		if s > 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (r *reader) size(into *Size) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		v, err := ParseSize(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil {
			r.add(n, field, "%s, it should be a size such as 512MiB, 2GiB or 1.5GB", saw(n))
			return
		}
		*into = v
	}
}
