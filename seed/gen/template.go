package gen

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/medianest/testbed/seed/ident"
)

// template is a phrase with words to fill in, such as "Sunset over {city}". Besides the lists of the
// vocabulary it may name {n}, a number from 2 to 9, and what it is about.
type template []segment

// about is what a phrase is about.
type about struct {
	// owner is the given name of a file's owner, for {owner}.
	owner string
	// seconds is the length of a video, for {time}, a time in it.
	seconds int32
}

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
	slotTime
	slotNumber
)

// phrases is a list of templates to choose from.
type phrases []template

// compile turns texts with braces into templates. Where a text names one list more than once, each place
// gets a part of the list, so that no word comes twice.
func compile(vocabulary map[string][]string, texts []string) (phrases, error) {
	list := make(phrases, 0, len(texts))
	for _, text := range texts {
		var t template
		used := map[string]int{}
		for rest := text; rest != ""; {
			before, after, found := strings.Cut(rest, "{")
			if !found {
				t = append(t, segment{text: rest})
				break
			}
			name, tail, closed := strings.Cut(after, "}")
			words, times := vocabulary[name], max(1, strings.Count(text, "{"+name+"}"))
			part := used[name]
			used[name]++
			s := segment{text: before, words: words[len(words)*part/times : len(words)*(part+1)/times], slot: slotWords}
			switch {
			case name == "owner":
				s.slot = slotOwner
			case name == "time":
				s.slot = slotTime
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
func (ps phrases) append(dst []byte, dice *ident.Dice, a about) []byte {
	start := len(dst)
	t := ps[dice.Roll(len(ps))]
	for i := range t {
		s := &t[i]
		dst = append(dst, s.text...)
		switch s.slot {
		case slotWords:
			dst = append(dst, s.words[dice.Roll(len(s.words))]...)
		case slotOwner:
			dst = append(dst, a.owner...)
		case slotTime:
			at := uint64(dice.Roll(int(max(1, a.seconds))))
			dst = appendInt(dst, int64(at/60))
			dst = append(dst, ':')
			dst = appendDigits(dst, at%60, 2)
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
