package contract_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi/contract"
	"github.com/medianest/testbed/mockapi/contract/contracttest"
	"github.com/medianest/testbed/mockapi/fault"
)

// The requests of TestValidAndBrokenRequests: how many, and the seed that they are drawn by.
const (
	requestsVariable = "MEDIANEST_CONTRACT_REQUESTS"
	seedVariable     = "MEDIANEST_CONTRACT_SEED"
	defaultRequests  = 5000
	tidyEvery        = 10_000
)

// refusable are operations that may answer 400 to a request that the document allows, since a schema cannot say
// everything.
var refusable = map[string]string{
	"searchMedia":        "a text has at most 8 words and 200 bytes",
	"searchAdvanced":     "the query has a grammar of its own",
	"executeTransaction": "rows have constraints, such as that nothing is read before it was made",
	"addFaults":          "times have bounds, percentiles rise, and patterns must be patterns",
	"listJournal":        "patterns must be patterns",
	"countJournal":       "patterns must be patterns",
	"verifyJournal":      "patterns must be patterns",
	"getMediaStatistics": "the window is of 1 hour to 731 days",
}

// TestValidAndBrokenRequests sends thousands of valid and broken requests to every operation, and wants no 5xx,
// no status and no body that the document does not list, no success for what the document does not allow, and no
// refusal of what it does.
func TestValidAndBrokenRequests(t *testing.T) {
	t.Parallel()
	count, seed := fromEnvironment(t, requestsVariable, defaultRequests), uint64(fromEnvironment(t, seedVariable, 1))
	w := newWorld(t, false)
	w.exec(`UPDATE media_files SET size = size % 100000`) // most of the bytes of content would only take time
	w.pairs = map[string][][2]string{
		"deleteComment":        w.readPairs(`SELECT media_id::text, id::text FROM comments ORDER BY id`),
		"removeCollectionItem": w.readPairs(`SELECT collection_id::text, media_id::text FROM collection_items ORDER BY collection_id, media_id`),
		"removeMediaTag":       w.readPairs(`SELECT media_id::text, name FROM media_tags JOIN tags ON id = tag_id ORDER BY media_id, tag_id`),
	}
	root := decoded(t, w.validator.Document())
	operations := w.validator.Document().Operations()
	sent, succeeded := totals{}, map[string]int{}
	for n := range count {
		g := w.generator(root, seed, n, &operations[n%len(operations)])
		c := g.class()
		r := g.valid()
		if !c.change(g, &r) {
			c = classes[0]
		}
		w.faults.Clear() // rules that were added before fill the list up
		if n%tidyEvery == tidyEvery-1 {
			w.exec(`DELETE FROM media_files WHERE id > 200`) // transactions over thousands of files would take long
		}
		if g.op.ID == "removeFault" {
			w.withRule(&r)
		}
		x := w.do(g.service, r)
		sent.add(c.name, x.Status)
		if x.Status < 300 {
			succeeded[g.op.ID]++
		}
		if err := judge(w.validator, g.op, c.name, x); err != nil {
			t.Errorf("request %d of seed %d (%s): %v\nbody %.700q\nheaders %.700q", n, seed, c.name, err, x.RequestBody, x.RequestHeader)
		}
	}
	for _, op := range operations {
		if succeeded[op.ID] == 0 && count >= defaultRequests {
			t.Errorf("no request to %s was answered with success: the generator does not know how to ask it", op.ID)
		}
	}
	t.Logf("%d requests of seed %d to %d operations\n%s", count, seed, len(operations), sent)
}

// judge says what is wrong with an answer.
func judge(v *contracttest.Validator, op *contract.Operation, class string, x *contracttest.Exchange) error {
	if _, err := url.ParseRequestURI(x.Path); err != nil && x.Status == http.StatusBadRequest {
		return nil // it was no HTTP, and net/http said so
	}
	if x.Path == "/admin/%2F" {
		return nil // net/http's router takes it for /admin/
	}
	if x.Status >= 500 {
		return fmt.Errorf("%s: %.500s", x, x.Body)
	}
	if err := v.Check(x); err != nil {
		return err
	}
	refused := x.Status == http.StatusBadRequest || x.Status == http.StatusRequestEntityTooLarge || x.Status == http.StatusUnsupportedMediaType
	if class == "valid" && refused && refusable[op.ID] == "" {
		return fmt.Errorf("%s, though the document allows it: %.500s", x, x.Body)
	}
	return nil
}

// generator returns what makes request n.
func (w *world) generator(root node, seed uint64, n int, op *contract.Operation) *generator {
	method := strings.ToLower(op.Method)
	item := root.node("paths").node(op.Path)
	g := &generator{
		Rand: rand.New(rand.NewPCG(seed, uint64(n))), t: w.t, root: root, validator: w.validator, tokens: w.tokens, pairs: w.pairs,
		op: op, node: item.node(method),
	}
	g.service = pick(g, op.Services...)
	for _, p := range slices.Concat(item.list("parameters"), g.node.list("parameters")) {
		g.params = append(g.params, node(p.(map[string]any)).resolve(root))
	}
	return g
}

// withRule lets a rule live, and names it where the request names the document's example.
func (w *world) withRule(r *request) {
	w.t.Helper()
	rules, err := w.faults.Add(fault.Rule{TokenLife: fault.Duration(time.Hour)})
	if err != nil {
		w.t.Fatal(err)
	}
	r.path = strings.Replace(r.path, "/rule-1", "/"+rules[0].ID, 1)
}

// class draws a class by weight.
func (g *generator) class() class {
	sum := 0
	for _, c := range classes {
		sum += c.weight
	}
	at := g.IntN(sum)
	for _, c := range classes {
		if at -= c.weight; at < 0 {
			return c
		}
	}
	return classes[0]
}

func fromEnvironment(t testing.TB, name string, absent int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return absent
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < 1 {
		t.Fatalf("%s is %q, want a number from 1", name, s)
	}
	return v
}

// totals counts answers by the class of their requests and their status.
type totals map[string]map[int]int

func (s totals) add(class string, status int) {
	if s[class] == nil {
		s[class] = map[int]int{}
	}
	s[class][status]++
}

// String lays the counts out as a table.
func (s totals) String() string {
	all := map[int]bool{}
	for _, counts := range s {
		for status := range counts {
			all[status] = true
		}
	}
	statuses := slices.Sorted(maps.Keys(all))
	var b strings.Builder
	line := func(name string, count func(status int) int) {
		fmt.Fprintf(&b, "%-14s", name)
		sum := 0
		for _, status := range statuses {
			sum += count(status)
			fmt.Fprintf(&b, "%7s", strings.TrimPrefix(strconv.Itoa(count(status)), "0"))
		}
		fmt.Fprintf(&b, "%8d\n", sum)
	}
	fmt.Fprintf(&b, "%-14s", "")
	for _, status := range statuses {
		fmt.Fprintf(&b, "%7d", status)
	}
	fmt.Fprintf(&b, "%8s\n", "all")
	for _, c := range classes {
		line(c.name, func(status int) int { return s[c.name][status] })
	}
	line("all", func(status int) int {
		sum := 0
		for _, counts := range s {
			sum += counts[status]
		}
		return sum
	})
	return b.String()
}

// Requests are the same in every run, whatever was sent before them.
func TestRequestsAreRepeatable(t *testing.T) {
	v := validator(t)
	w := &world{t: t, validator: v, tokens: map[string]string{"member": "a.token.of-nobody", "admin": "another"}}
	root := decoded(t, v.Document())
	operations := v.Document().Operations()
	draw := func(n int) string {
		g := w.generator(root, 7, n, &operations[n%len(operations)])
		c, r := g.class(), g.valid()
		for _, name := range []string{"Authorization", "Cookie"} { // tokens tell the time
			r.header.Del(name)
		}
		return fmt.Sprintf("%s %s %s %s?%s %v %s", c.name, g.service, r.method, r.path, r.query, r.header, r.body)
	}
	different := map[string]bool{}
	for n := range 300 {
		once := draw(n)
		if again := draw(n); once != again {
			t.Errorf("request %d is\n%s\nand then\n%s", n, once, again)
		}
		different[once] = true
	}
	if len(different) < 200 {
		t.Errorf("300 draws made %d different requests", len(different))
	}
}
