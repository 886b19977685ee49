package gen

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/medianest/testbed/seed/ident"
)

// template is a phrase with words to fill in, such as "Sunset over {city}". Besides the lists of the
// vocabulary it may name {owner}, the given name of whom the row is about, and {n}, a number from 2 to 9.
type template []segment

// segment is a piece of text and then a word of one list.
type segment struct {
	text  string
	words []string
	slot  slot
}

type slot uint8

const (
	slotNone slot = iota
	slotWords
	slotOwner
	slotNumber
)

// phrases is a list of templates to choose from.
type phrases []template

// compile turns texts with braces into templates.
func compile(vocabulary map[string][]string, texts []string) (phrases, error) {
	list := make(phrases, 0, len(texts))
	for _, text := range texts {
		var t template
		for rest := text; rest != ""; {
			before, after, found := strings.Cut(rest, "{")
			if !found {
				t = append(t, segment{text: rest})
				break
			}
			name, tail, closed := strings.Cut(after, "}")
			s := segment{text: before, words: vocabulary[name], slot: slotWords}
			switch {
			case name == "owner":
				s.slot = slotOwner
			case name == "n":
				s.slot = slotNumber
			case !closed || len(s.words) == 0:
				return nil, fmt.Errorf("phrase %q: no words for {%s}", text, name)
			}
			t = append(t, s)
			rest = tail
		}
		list = append(list, t)
	}
	return list, nil
}

// append adds one of the phrases, chosen and filled in by dice and with its first letter in upper case.
func (ps phrases) append(dst []byte, dice *ident.Dice, owner string) []byte {
	start := len(dst)
	t := ps[dice.Roll(len(ps))]
	for i := range t {
		s := &t[i]
		dst = append(dst, s.text...)
		switch s.slot {
		case slotWords:
			dst = append(dst, s.words[dice.Roll(len(s.words))]...)
		case slotOwner:
			dst = append(dst, owner...)
		case slotNumber:
			dst = append(dst, byte('2'+dice.Roll(8)))
		}
	}
	if c := dst[start]; c >= 'a' && c <= 'z' {
		dst[start] = c - 'a' + 'A'
	}
	return dst
}

// appendSlug adds s as the part of a file name or an address: lower case, with hyphens for what is
// neither a letter nor a digit.
func appendSlug(dst []byte, s []byte) []byte {
	start := len(dst)
	for _, c := range s {
		switch {
		case c >= 'A' && c <= 'Z':
			dst = append(dst, c-'A'+'a')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c >= utf8.RuneSelf:
			dst = append(dst, c)
		case c == '\'': // Anna's becomes annas
		case len(dst) > start && dst[len(dst)-1] != '-':
			dst = append(dst, '-')
		}
	}
	if len(dst) > start && dst[len(dst)-1] == '-' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendDigits adds the last n decimal digits of v, with zeros in front.
func appendDigits(dst []byte, v uint64, n int) []byte {
	start := len(dst)
	for range n {
		dst = append(dst, '0')
	}
	for i := start + n - 1; i >= start; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
	return dst
}

func appendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }
