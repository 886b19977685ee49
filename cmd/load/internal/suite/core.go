package suite

import (
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// apiBase is where the API's resources are.
const apiBase = "/api/v1"

// core is the core suite. Weights, limits and think times are those of the MediaNest performance-testing document.
type core struct {
	*base
	errorRate, responseTime, sessionDuration, connectionTime *metrics.Metric
	logins                                                   []Login

	health, register, login, browse, detail, upload, collections, makeCollection, profile, changeProfile vu.Call
	searches                                                                                             []vu.Call
}

func newCore(b *base) (*core, error) {
	m := newMetrics{registry: b.Registry}
	s := &core{
		base: b, errorRate: m.rate("error_rate"), responseTime: m.trend("response_time"),
		sessionDuration: m.metric("session_duration", metrics.Trend, metrics.Time),
		connectionTime:  m.trend("db_connection_time"),
	}
	m.trend("memory_usage") // for whoever feeds it, as in the k6 script: a client can't see the server's memory
	for n := range 5 {
		s.logins = append(s.logins, b.fixedLogin("perf.user"+strconv.Itoa(n+1)+"@medianest.test", "Performance123!"))
	}
	api := b.Targets.API
	endpoint := func(method, path, name string) vu.Call { return call(api, method, path, nil, "endpoint", name) }
	s.health = call(api, "GET", "/health", nil)
	s.register = call(api, "POST", apiBase+"/auth/register", jsonHeader)
	s.register.Expected = func(status int) bool { return status == 201 || status == 409 }
	s.login = endpoint("POST", apiBase+"/auth/login", "auth_login")
	s.login.Header = jsonHeader
	s.browse = endpoint("GET", apiBase+"/media", "media_browse")
	s.detail = endpoint("GET", apiBase+"/media/{id}", "media_detail")
	s.upload = endpoint("POST", apiBase+"/media/upload", "media_upload")
	s.collections = endpoint("GET", apiBase+"/collections", "collections_list")
	s.makeCollection = endpoint("POST", apiBase+"/collections", "collections_create")
	for _, term := range []string{"photo", "video", "document", "image", "test"} {
		s.searches = append(s.searches, endpoint("GET", apiBase+"/search?q="+term, "search"))
	}
	s.profile = endpoint("GET", apiBase+"/user/profile", "user_profile")
	s.changeProfile = endpoint("PUT", apiBase+"/user/profile", "user_profile_update")
	return s, m.err
}

// Setup implements vu.Suite: the server must be there, and the document's accounts with it. Those that are
// there already answer 409, which is as good.
func (s *core) Setup(v *vu.VU) error {
	if err := s.alive(v, &s.health); err != nil {
		return err
	}
	if s.Logins != nil {
		return nil
	}
	for _, l := range s.logins {
		c := s.register
		c.Body = l.body
		if r := v.Do(&c); r.Err != nil {
			return v.Errorf("register %s: %w", l.Email, r.Err)
		}
	}
	return nil
}

// alive fails where a target's /health does not answer 200.
func (b *base) alive(v *vu.VU, health *vu.Call) error {
	r := v.Do(health)
	if r.Err != nil {
		return v.Errorf("%s: %w: is the server running, and is the URL right?", r.URL, r.Err)
	}
	if r.Status != 200 {
		return v.Errorf("%s answered %d: is the server running, and is the URL right?", r.URL, r.Status)
	}
	return nil
}

// Iterate implements vu.Suite.
func (s *core) Iterate(v *vu.VU) error {
	start := time.Now()
	u := stateOf(v)
	in, err := s.logIn(v, u)
	if err != nil {
		return err
	}
	if !in {
		v.Sleep(time.Second)
		return nil
	}
	switch kind := v.Between(1, 100); {
	case kind <= 60: // casual
		s.browseMedia(v, u)
	case kind <= 85: // active
		s.uploadMedia(v, u)
		s.manageCollections(v, u)
	default: // power users do everything
		s.browseMedia(v, u)
		s.uploadMedia(v, u)
		s.manageCollections(v, u)
		s.search(v, u)
		s.manageProfile(v, u)
	}
	v.Add(s.sessionDuration, milliseconds(time.Since(start)))
	v.Sleep(time.Duration(v.Between(1, 3)) * time.Second)
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// chooseLogin picks one of the given logins for this iteration, or keeps the user's own.
func (b *base) chooseLogin(v *vu.VU, u *user, from []Login) error {
	if b.Logins == nil {
		u.login = from[v.Rand.IntN(len(from))]
		return nil
	}
	if u.login.body != nil {
		return nil
	}
	var err error
	u.login, err = b.Logins.Login(v.ID)
	return err
}

func (s *core) logIn(v *vu.VU, u *user) (bool, error) {
	if err := s.chooseLogin(v, u, s.logins); err != nil {
		return false, err
	}
	c := s.login
	c.Body = u.login.body
	r := v.Do(&c)
	// Not &&: every check counts, whatever the others say.
	in := v.Check("login status is 200", r.Status == 200)
	in = v.Check("login response time < 1000ms", r.Milliseconds < 1000) && in
	in = v.Check("login returns token", has(r.Body, "token")) && in
	v.AddRate(s.errorRate, !in)
	v.Add(s.responseTime, r.Milliseconds)
	v.Add(s.connectionTime, connectionTime(&r))
	if in {
		u.authorize(r.Body)
		s.verifyLogin(v, u, &c, &r)
	}
	return in, nil
}

// authorize takes the token of a login for the requests to come.
func (u *user) authorize(body []byte) {
	u.header[1] = "Bearer " + gjson.Get(text(body), "token").String()
}

func (b *base) verifyLogin(v *vu.VU, u *user, c *vu.Call, r *vu.Response) {
	if b.verifies(v, u, r) {
		a := b.answer(v, u, c, r)
		a.Viewer = u.login.User
		b.right(v, b.Verifier.Login(a))
	}
}

// connectionTime is how long the login waited for a connection of the server's pool, in ms, where the server
// tells it. For other servers it is the whole login, an upper bound.
func connectionTime(r *vu.Response) float64 {
	wait := r.Milliseconds
	if r.Err == nil {
		serverTiming(r.Header("Server-Timing"), func(name string, dur float64) {
			if name == "pool" {
				wait = dur
			}
		})
	}
	return wait
}

// record samples a response. One that never came has status 0: http_req_failed counts it, error_rate does not.
func (s *core) record(v *vu.VU, r *vu.Response) {
	v.Add(s.responseTime, r.Milliseconds)
	v.AddRate(s.errorRate, r.Status >= 400)
}

func (s *core) browseMedia(v *vu.VU, u *user) {
	c := s.browse
	c.Header = u.header
	r := v.Do(&c)
	v.Check("media browse status 200", r.Status == 200)
	v.Check("media browse response time < 500ms", r.Milliseconds < 500)
	v.Check("media browse returns data", has(r.Body, "data"))
	s.record(v, &r)
	if r.Status != 200 {
		return
	}
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.MediaList(s.answer(v, u, &c, &r), verify.List{Key: "data", First: true, Plain: true, Owner: -1}))
	}
	u.ids = idsAt(r.Body, "data", u.ids[:0])
	if len(u.ids) == 0 {
		return
	}
	id := u.ids[v.Rand.IntN(len(u.ids))]
	c = s.detail
	c.Header, c.Path = u.header, u.mediaPath(id)
	r = v.Do(&c)
	v.Check("media detail status 200", r.Status == 200)
	v.Check("media detail response time < 300ms", r.Milliseconds < 300)
	s.record(v, &r)
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.Media(s.answer(v, u, &c, &r), id))
	}
}

// mediaPath is that of a file of the API's.
func (u *user) mediaPath(id int64) string {
	u.path = strconv.AppendInt(append(u.path[:0], apiBase+"/media/"...), id, 10)
	return string(u.path)
}

func (s *core) uploadMedia(v *vu.VU, u *user) {
	u.body = append(u.body[:0], `{"filename":"test-file-`...)
	name := len(u.body) - len("test-file-")
	u.body = append(appendLetters(u.body, v, 8), ".jpg"...)
	filename := string(u.body[name:])
	size := int64(v.Between(100_000, 5_000_000))
	u.body = strconv.AppendInt(append(u.body, `","size":`...), size, 10)
	u.body = append(u.body, `,"mimeType":"image/jpeg"}`...)

	c := s.upload
	c.Header, c.Body = u.header, u.body
	r := v.Do(&c)
	v.Check("upload status 201", r.Status == 201)
	v.Check("upload response time < 2000ms", r.Milliseconds < 2000)
	v.Check("upload returns media id", has(r.Body, "id"))
	s.record(v, &r)
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.Uploaded(s.answer(v, u, &c, &r), verify.Upload{Filename: filename, MIMEType: "image/jpeg", Size: size}))
	}
}

// appendLetters appends n random letters, a to z.
func appendLetters(b []byte, v *vu.VU, n int) []byte {
	for range n {
		b = append(b, byte('a'+v.Rand.IntN(26)))
	}
	return b
}

// appendNow appends the time as JavaScript's toISOString writes it.
func appendNow(b []byte) []byte {
	return time.Now().UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

func (s *core) manageCollections(v *vu.VU, u *user) {
	c := s.collections
	c.Header = u.header
	r := v.Do(&c)
	v.Check("collections status 200", r.Status == 200)
	v.Check("collections response time < 400ms", r.Milliseconds < 400)
	s.record(v, &r)
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.CollectionList(s.answer(v, u, &c, &r), verify.List{Key: "data", First: true}))
	}
	if v.Between(1, 100) > 20 {
		return
	}

	u.body = append(u.body[:0], `{"name":"`...)
	name := len(u.body)
	u.body = appendLetters(append(u.body, "Test Collection "...), v, 6)
	title := string(u.body[name:])
	u.body = appendNow(append(u.body, `","description":"Performance test collection created at `...))
	u.body = append(u.body, `"}`...)
	c = s.makeCollection
	c.Header, c.Body = u.header, u.body
	r = v.Do(&c)
	v.Check("collection create status 201", r.Status == 201)
	v.Check("collection create response time < 800ms", r.Milliseconds < 800)
	s.record(v, &r)
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.CollectionMade(s.answer(v, u, &c, &r), title))
	}
}

func (s *core) search(v *vu.VU, u *user) {
	c := s.searches[v.Rand.IntN(len(s.searches))]
	c.Header = u.header
	r := v.Do(&c)
	v.Check("search status 200", r.Status == 200)
	v.Check("search response time < 600ms", r.Milliseconds < 600)
	v.Check("search returns results", has(r.Body, "results"))
	s.record(v, &r)
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.MediaList(s.answer(v, u, &c, &r), verify.List{Key: "results", First: true, Owner: -1}))
	}
}

func (s *core) manageProfile(v *vu.VU, u *user) {
	c := s.profile
	c.Header = u.header
	r := v.Do(&c)
	v.Check("profile status 200", r.Status == 200)
	v.Check("profile response time < 300ms", r.Milliseconds < 300)
	s.record(v, &r)
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.Profile(s.answer(v, u, &c, &r)))
	}
	if v.Between(1, 100) > 10 {
		return
	}

	theme, notifications := "dark", v.Rand.IntN(2) == 0
	if v.Rand.IntN(2) == 0 {
		theme = "light"
	}
	u.body = append(append(u.body[:0], `{"preferences":{"theme":"`...), theme...)
	u.body = strconv.AppendBool(append(u.body, `","notifications":`...), notifications)
	u.body = append(u.body, `}}`...)
	c = s.changeProfile
	c.Header, c.Body = u.header, u.body
	r = v.Do(&c)
	v.Check("profile update status 200", r.Status == 200)
	v.Check("profile update response time < 500ms", r.Milliseconds < 500)
	s.record(v, &r)
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.ProfileUpdated(s.answer(v, u, &c, &r), theme, notifications))
	}
}
