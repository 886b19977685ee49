package look_test

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi/look"
)

// palettes reads the colours of the stylesheet: for light, dark and paper.
func palettes(t *testing.T) map[string]map[string][3]float64 {
	t.Helper()
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(string(look.Stylesheet()), -1)
	if len(blocks) != 3 {
		t.Fatalf("the stylesheet has %d blocks of colours, not light, dark and print", len(blocks))
	}
	all := map[string]map[string][3]float64{}
	for i, name := range []string{"light", "dark", "print"} {
		colours := map[string][3]float64{}
		for _, m := range regexp.MustCompile(`--([\w-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(blocks[i][1], -1) {
			var c [3]float64
			for j := range c {
				n, err := strconv.ParseUint(m[2][2*j:2*j+2], 16, 8)
				if err != nil {
					t.Fatal(err)
				}
				c[j] = linear(float64(n) / 255)
			}
			colours[m[1]] = c
		}
		all[name] = colours
	}
	return all
}

// linear undoes the gamma of sRGB.
func linear(v float64) float64 {
	if v <= .04045 {
		return v / 12.92
	}
	return math.Pow((v+.055)/1.055, 2.4)
}

// contrast is the contrast ratio of WCAG 2.2.
func contrast(a, b [3]float64) float64 {
	luminance := func(c [3]float64) float64 { return .2126*c[0] + .7152*c[1] + .0722*c[2] }
	high, low := luminance(a), luminance(b)
	if high < low {
		high, low = low, high
	}
	return (high + .05) / (low + .05)
}

// WCAG 2.2 AA wants 4.5 for text (1.4.3), and 3 for controls and for what is needed to read a graphic (1.4.11).
func TestContrast(t *testing.T) {
	for name, palette := range palettes(t) {
		check := func(colour, on string, least float64) {
			c, ok1 := palette[colour]
			b, ok2 := palette[on]
			if !ok1 || !ok2 {
				t.Errorf("%s: there is no %s or no %s", name, colour, on)
			} else if got := contrast(c, b); got < least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, which should be %.1f", name, colour, on, got, least)
			}
		}
		for _, on := range []string{"back", "panel"} {
			for _, text := range []string{"text", "soft", "link", "pass", "warn", "fail", "note"} {
				check(text, on, 4.5)
			}
			check("edge", on, 3)
			for i := 1; i <= 6; i++ {
				check(fmt.Sprint("line-", i), on, 3)
			}
		}
		check("back", "fail", 4.5) // of a switch that is on
	}
}

// People without one kind of cones tell the first three lines apart by their colours alone; beyond that, and for
// those who see no colours, every line has a dash of its own. The matrices are those of Machado, Oliveira and
// Fernandes (2009) for severity 1, the difference is the distance in Oklab.
func TestColoursForTheColourBlind(t *testing.T) {
	cones := map[string][3][3]float64{
		"protanopia":   {{.152286, 1.052583, -.204868}, {.114503, .786281, .099216}, {-.003882, -.048116, 1.051998}},
		"deuteranopia": {{.367322, .860646, -.227968}, {.280085, .672501, .047413}, {-.011820, .042940, .968881}},
		"tritanopia":   {{1.255528, -.076749, -.178779}, {-.078411, .930809, .147602}, {.004733, .691367, .303900}},
	}
	for name, palette := range palettes(t) {
		for kind, m := range cones {
			for a := 1; a <= 3; a++ {
				for b := a + 1; b <= 3; b++ {
					x, y := palette[fmt.Sprint("line-", a)], palette[fmt.Sprint("line-", b)]
					if d := distance(times(m, x), times(m, y)); d < .08 {
						t.Errorf("%s, %s: lines %d and %d differ by %.3f only", name, kind, a, b, d)
					}
				}
			}
		}
	}
	dashes := map[string]bool{}
	for i := 2; i <= 6; i++ { // the first is solid
		m := regexp.MustCompile(fmt.Sprintf(`\.chart path\.line-%d \{[^}]*stroke-dasharray: ([^;]*);`, i)).FindStringSubmatch(string(look.Stylesheet()))
		if m == nil || dashes[m[1]] {
			t.Fatalf("line %d has no dash of its own", i)
		}
		dashes[m[1]] = true
	}
}

func times(m [3][3]float64, c [3]float64) (r [3]float64) {
	for i := range r {
		r[i] = max(0, m[i][0]*c[0]+m[i][1]*c[1]+m[i][2]*c[2])
	}
	return r
}

func distance(a, b [3]float64) float64 {
	oklab := func(c [3]float64) [3]float64 {
		l := math.Cbrt(.4122214708*c[0] + .5363325363*c[1] + .0514459929*c[2])
		m := math.Cbrt(.2119034982*c[0] + .6806995451*c[1] + .1073969566*c[2])
		s := math.Cbrt(.0883024619*c[0] + .2817188376*c[1] + .6299787005*c[2])
		return [3]float64{
			.2104542553*l + .7936177850*m - .0040720468*s,
			1.9779984951*l - 2.4285922050*m + .4505937099*s,
			.0259040371*l + .7827717662*m - .8086757660*s,
		}
	}
	x, y, sum := oklab(a), oklab(b), 0.
	for i := range x {
		sum += (x[i] - y[i]) * (x[i] - y[i])
	}
	return math.Sqrt(sum)
}

// Every class that the package's document promises is in the stylesheet.
func TestClasses(t *testing.T) {
	css := string(look.Stylesheet())
	for _, class := range strings.Fields("skip hidden cards grid wide scroll number pass warn fail note soft plain actions no-print") {
		if !regexp.MustCompile(`\.` + class + `\b`).MatchString(css) {
			t.Errorf("no rule for the class %s", class)
		}
	}
	if m := regexp.MustCompile(`url\(|@import`).FindString(css); m != "" {
		t.Errorf("the stylesheet fetches something: %s", m)
	}
}
