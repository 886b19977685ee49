package suite

import (
	"strconv"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// synthetic is a few reads of what everybody may see, as a monitor would do them against a server in use: it
// logs nobody in and changes nothing.
type synthetic struct {
	*base
	health, browse, detail, collections, search vu.Call
}

func newSynthetic(b *base) (*synthetic, error) {
	endpoint := func(path, name string) vu.Call { return call(b.Targets.API, "GET", path, nil, "endpoint", name) }
	return &synthetic{
		base: b, health: endpoint("/health", "health"), browse: endpoint(apiBase+"/media", "media_browse"),
		detail: endpoint(apiBase+"/media/{id}", "media_detail"), collections: endpoint(apiBase+"/collections", "collections_list"),
		search: endpoint(apiBase+"/search?q=photo", "search"),
	}, nil
}

// Setup implements vu.Suite.
func (s *synthetic) Setup(v *vu.VU) error { return s.alive(v, &s.health) }

// Iterate implements vu.Suite.
func (s *synthetic) Iterate(v *vu.VU) error {
	u := stateOf(v)
	r := v.Do(&s.health)
	v.Check("health status 200", r.Status == 200)

	r = v.Do(&s.browse)
	v.Check("media browse status 200", r.Status == 200)
	v.Check("media browse response time < 500ms", r.Milliseconds < 500)
	v.Check("media browse returns data", has(r.Body, "data"))
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.MediaList(s.answer(v, u, &s.browse, &r), verify.List{Key: "data", First: true, Plain: true, Owner: -1}))
	}
	u.ids = idsAt(r.Body, "data", u.ids[:0])
	if r.Status == 200 && len(u.ids) > 0 {
		id := u.ids[v.Rand.IntN(len(u.ids))]
		c := s.detail
		c.Path = apiBase + "/media/" + strconv.FormatInt(id, 10)
		r = v.Do(&c)
		v.Check("media detail status 200", r.Status == 200)
		v.Check("media detail response time < 300ms", r.Milliseconds < 300)
		if s.verifies(v, u, &r) {
			s.right(v, s.Verifier.Media(s.answer(v, u, &c, &r), id))
		}
	}

	r = v.Do(&s.collections)
	v.Check("collections status 200", r.Status == 200)
	v.Check("collections response time < 400ms", r.Milliseconds < 400)
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.CollectionList(s.answer(v, u, &s.collections, &r), verify.List{Key: "data", First: true}))
	}

	r = v.Do(&s.search)
	v.Check("search status 200", r.Status == 200)
	v.Check("search response time < 600ms", r.Milliseconds < 600)
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.MediaList(s.answer(v, u, &s.search, &r), verify.List{Key: "results", First: true, Owner: -1}))
	}
	v.Sleep(time.Second)
	return nil
}
