package gen

import (
	"strings"
	"unicode"

	"github.com/brianvoe/gofakeit/v6"

	"github.com/medianest/testbed/seed/ident"
)

// person is a part of a name and how it is written in an e-mail address.
type person struct {
	name string
	mail string
}

// lexicon is the words of a dataset: those that gofakeit makes from the seed once, and the hand-written ones.
type lexicon struct {
	first, last []person
	words       map[string][]string
}

// draws is how often gofakeit is asked for each pool; what it says twice counts once.
const draws = 1500

// unkind are gofakeit's names that a reader would stumble over.
var unkind = map[string]bool{"Jewess": true, "Adolf": true, "Adolph": true, "Adolphus": true, "Toy": true, "Von": true, "Will": true}

func newLexicon(seed ident.Seed) *lexicon {
	// Of 0 gofakeit would make a seed of its own, a different one each time.
	faker := gofakeit.New(int64(seed.Key("gofakeit")>>1 | 1))
	l := &lexicon{words: map[string][]string{}}
	for name, words := range handWritten {
		l.words[name] = words
	}
	l.first = people(pool(faker.FirstName))
	l.last = people(pool(faker.LastName))
	for _, p := range l.first {
		l.words["first"] = append(l.words["first"], p.name)
	}
	for _, p := range l.last {
		l.words["last"] = append(l.words["last"], p.name)
	}
	l.words["farm_animal"] = lower(pool(faker.FarmAnimal))
	l.words["fruit"] = lower(pool(faker.Fruit))
	for i, kind := 0, handWritten["company_kind"]; i < min(150, len(l.last)); i++ {
		l.words["company"] = append(l.words["company"], l.last[i].name+" "+kind[i%len(kind)])
	}
	return l
}

// pool collects what draw says, each word once.
func pool(draw func() string) []string {
	var words []string
	seen := map[string]bool{}
	for range draws {
		w := draw()
		if !seen[w] && !unkind[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	return words
}

// lower returns words in lower case without those that have more than letters and spaces.
func lower(words []string) []string {
	var kept []string
	for _, w := range words {
		if strings.ContainsFunc(w, func(r rune) bool { return r != ' ' && !unicode.IsLetter(r) }) {
			continue
		}
		kept = append(kept, strings.ToLower(w))
	}
	return kept
}

func people(names []string) []person {
	var ps []person
	for _, name := range names {
		mail := strings.Map(func(r rune) rune {
			if r = unicode.ToLower(r); r < 'a' || r > 'z' {
				return -1
			}
			return r
		}, name)
		if mail != "" {
			ps = append(ps, person{name, mail})
		}
	}
	return ps
}
