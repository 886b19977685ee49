package suite

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/cmd/load/internal/vu"
	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/gen"
)

// volume works on a library of any size: 30 of 100 iterations read pages by cursor, on from where the user was
// before, to any depth; 25 search, 10 ask for statistics, 20 fetch parts of content, 15 read a file with its
// tags and comments, and a collection. Users stay logged in.
type volume struct {
	*base
	rowsRead *metrics.Metric
	logins   []Login

	health, login, collections, collection, detail, tags, comments, content vu.Call
	firstPages, pages, searches, statistics                                 []vu.Call
}

// pageSize is how many files a page has: the most that the API gives.
const pageSize = 100

// pagesEach is how many pages an iteration reads.
const pagesEach = 5

// rangeSize is how many bytes of a file's content are fetched at a time.
const rangeSize = 64 << 10

func sorts() []string { return []string{"-createdAt", "-size", "createdAt", "size"} }

func newVolume(b *base) (*volume, error) {
	m := newMetrics{registry: b.Registry}
	s := &volume{base: b, rowsRead: m.metric("rows_read", metrics.Counter, metrics.Default)}
	for n := range 5 {
		s.logins = append(s.logins, b.fixedLogin("perf.user"+strconv.Itoa(n+1)+"@medianest.test", "Performance123!"))
	}
	operation := func(path, name string) vu.Call { return call(b.Targets.API, "GET", path, nil, "operation", name) }
	s.health = call(b.Targets.API, "GET", "/health", nil)
	s.login = call(b.Targets.API, "POST", apiBase+"/auth/login", jsonHeader, "operation", "login")
	for _, sort := range sorts() {
		path := fmt.Sprintf("%s/media?limit=%d&sort=%s", apiBase, pageSize, sort)
		s.firstPages = append(s.firstPages, operation(path, "first_page"))
		s.pages = append(s.pages, operation(path+"&cursor={cursor}", "page"))
	}
	for _, text := range []string{"photo", "video", "document", "image", "test"} {
		s.searches = append(s.searches, operation(apiBase+"/search?q="+text, "search"))
	}
	for _, query := range slices.Concat(documentQueries(), []string{
		"type%3Avideo%20AND%20duration%3A%3E600", "size%3A%3E50MB%20AND%20created_at%3A%3E2024-01-01", "NOT%20type%3Aimage%20AND%20views%3A%3E1000",
	}) {
		s.searches = append(s.searches, operation(apiBase+"/search/advanced?q="+query, "advanced_search"))
	}
	for _, timeframe := range []string{"24h", "7d", "30d", "90d", "365d"} {
		s.statistics = append(s.statistics, operation(apiBase+"/analytics/media-statistics?include=user,collections,tags&timeframe="+timeframe, "statistics"))
	}
	s.detail = operation(apiBase+"/media/{id}", "media_detail")
	s.tags = operation(apiBase+"/media/{id}/tags", "media_tags")
	s.comments = operation(apiBase+"/media/{id}/comments", "media_comments")
	s.content = operation(apiBase+"/media/{id}/content", "content_range")
	s.collections = operation(apiBase+"/collections", "collections_list")
	s.collection = operation(apiBase+"/collections/{id}", "collection")
	return s, m.err
}

// Setup implements vu.Suite.
func (s *volume) Setup(v *vu.VU) error { return s.alive(v, &s.health) }

// Iterate implements vu.Suite.
func (s *volume) Iterate(v *vu.VU) error {
	u := stateOf(v)
	if u.header[1] == "" {
		if err := s.logIn(v, u); err != nil {
			return err
		}
		if u.header[1] == "" {
			v.Sleep(time.Second)
			return nil
		}
	}
	switch kind := v.Between(1, 100); {
	case kind <= 30:
		s.readPages(v, u)
	case kind <= 55:
		s.search(v, u)
	case kind <= 65:
		s.get(v, u, s.statistics[v.Rand.IntN(len(s.statistics))], 2000, nil)
	case kind <= 85:
		s.fetch(v, u)
	default:
		s.readRows(v, u)
	}
	v.Sleep(time.Duration(v.Between(1, 3)) * time.Second)
	return nil
}

func (s *volume) logIn(v *vu.VU, u *user) error {
	if err := s.chooseLogin(v, u, s.logins); err != nil {
		return err
	}
	c := s.login
	c.Body = u.login.body
	r := v.Do(&c)
	if v.Check("login status is 200", r.Status == 200 && has(r.Body, "token")) {
		u.authorize(r.Body)
		s.verifyLogin(v, u, &c, &r)
	}
	return nil
}

// get sends one request, checks its status and its time in milliseconds, and, now and then, its rows.
func (s *volume) get(v *vu.VU, u *user, c vu.Call, limit float64, right func(*verify.Answer) bool) vu.Response {
	if c.Header == nil {
		c.Header = u.header[:2]
	}
	r := v.Do(&c)
	operation := c.Tags[1]
	v.Check(operation+" status 200", r.Status == 200 || r.Status == 206)
	v.Check(operation+" response time < "+strconv.Itoa(int(limit))+"ms", r.Milliseconds < limit)
	if r.Status == 401 { // the session has ended: the next iteration starts another
		u.header[1] = ""
	}
	if right != nil && s.verifies(v, u, &r) {
		s.right(v, right(s.answer(v, u, &c, &r)))
	}
	return r
}

// walk is where a user is in the list of all files.
type walk struct {
	sort   int
	cursor string // "" starts the list
}

// readPages reads some pages on from where the user was; at the end of the list it goes over to the next order.
func (s *volume) readPages(v *vu.VU, u *user) {
	for range pagesEach {
		first := u.at.cursor == ""
		c := s.firstPages[u.at.sort]
		if !first {
			start := c.Path
			c = s.pages[u.at.sort]
			c.Path = start + "&cursor=" + url.QueryEscape(u.at.cursor)
		}
		sort := sorts()[u.at.sort]
		r := s.get(v, u, c, 500, func(a *verify.Answer) bool {
			return s.Verifier.MediaList(a, verify.List{Key: "data", Limit: pageSize, First: first, Plain: true, Sort: sort, Owner: -1})
		})
		if r.Status != 200 {
			u.at.cursor = ""
			return
		}
		page := gjson.GetMany(text(r.Body), "data.#", "meta.pagination.hasNext", "meta.pagination.nextCursor")
		rows, more := page[0].Int(), page[1].Bool()
		v.Check("page is full", rows == pageSize || !more)
		v.Add(s.rowsRead, float64(rows))
		u.at.cursor = ""
		if !more {
			u.at.sort = (u.at.sort + 1) % len(s.pages)
			return
		}
		u.at.cursor = strings.Clone(page[2].Str) // the body is gone with the next request
	}
}

func (s *volume) search(v *vu.VU, u *user) {
	r := s.get(v, u, s.searches[v.Rand.IntN(len(s.searches))], 800, func(a *verify.Answer) bool {
		return s.Verifier.MediaList(a, verify.List{Key: "results", First: true, MayPause: true, Owner: -1})
	})
	v.Add(s.rowsRead, float64(gjson.Get(text(r.Body), "results.#").Int()))
}

// someFile picks a file that everybody may see, popular ones more often: of the dataset where that is known, of
// the newest otherwise. false means that there is none.
func (s *volume) someFile(v *vu.VU, u *user) (id, size int64, ok bool) {
	if s.Verifier != nil {
		d := s.Verifier.Dataset()
		n := d.PublicMediaCount()
		if n == 0 {
			return 0, 0, false
		}
		var m gen.MediaFile
		share := v.Rand.Float64()
		d.MediaFile(d.PopularMedia(int64(share*share*float64(n))), &m)
		return m.ID, m.Size, true
	}
	r := s.get(v, u, s.firstPages[0], 500, nil)
	list := gjson.Get(text(r.Body), "data")
	n := list.Get("#").Int()
	if n == 0 {
		return 0, 0, false
	}
	item := list.Get(strconv.FormatInt(v.Rand.Int64N(n), 10))
	return item.Get("id").Int(), item.Get("size").Int(), true
}

// fetch reads a part of a file's content, as a player does that seeks.
func (s *volume) fetch(v *vu.VU, u *user) {
	id, size, ok := s.someFile(v, u)
	if !ok {
		return
	}
	from := int64(0)
	if size > rangeSize && v.Rand.IntN(2) == 0 {
		from = v.Rand.Int64N(size - 1)
	}
	c := s.content
	c.Path = u.mediaPath(id) + "/content"
	c.Header = []string{u.header[0], u.header[1], "Range", fmt.Sprintf("bytes=%d-%d", from, from+rangeSize-1)}
	s.get(v, u, c, 1000, func(a *verify.Answer) bool {
		return s.Verifier.Content(a, id, verify.Range{From: from, Length: rangeSize})
	})
}

// readRows reads a file's page, its tags and comments, and a collection.
func (s *volume) readRows(v *vu.VU, u *user) {
	id, _, ok := s.someFile(v, u)
	if !ok {
		return
	}
	c := s.detail
	c.Path = u.mediaPath(id)
	s.get(v, u, c, 300, func(a *verify.Answer) bool { return s.Verifier.Media(a, id) })
	c = s.tags
	c.Path = u.mediaPath(id) + "/tags"
	r := s.get(v, u, c, 300, func(a *verify.Answer) bool { return s.Verifier.Tags(a, id) })
	rows := 1 + gjson.Get(text(r.Body), "data.#").Int()
	c = s.comments
	c.Path = u.mediaPath(id) + "/comments"
	r = s.get(v, u, c, 300, func(a *verify.Answer) bool { return s.Verifier.Comments(a, id) })
	rows += gjson.Get(text(r.Body), "data.#").Int()

	if id, ok = s.someCollection(v, u); ok {
		c = s.collection
		c.Path = apiBase + "/collections/" + strconv.FormatInt(id, 10)
		r = s.get(v, u, c, 500, func(a *verify.Answer) bool { return s.Verifier.Collection(a, id) })
		rows += 1 + gjson.Get(text(r.Body), "data.items.#").Int()
	}
	v.Add(s.rowsRead, float64(rows))
}

// someCollection picks a collection that everybody may see.
func (s *volume) someCollection(v *vu.VU, u *user) (id int64, ok bool) {
	if s.Verifier == nil {
		r := s.get(v, u, s.collections, 400, nil)
		if u.ids = idsAt(r.Body, "data", u.ids[:0]); len(u.ids) == 0 {
			return 0, false
		}
		return u.ids[v.Rand.IntN(len(u.ids))], true
	}
	d := s.Verifier.Dataset()
	n := d.Profile().Rows.Of(schema.Collections.Name)
	var c gen.Collection
	for range 20 { // most are public
		if n == 0 {
			break
		}
		if d.Collection(v.Rand.Int64N(n), &c); c.Public {
			return c.ID, true
		}
	}
	return 0, false
}
