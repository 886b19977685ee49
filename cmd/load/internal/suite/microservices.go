package suite

import (
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// microservices is the microservices suite. Its users do not pause.
type microservices struct {
	*base
	authTime, mediaTime, userTime, notificationTime *metrics.Metric
	logins                                          []Login

	login, media, profile, notify, mediaOf vu.Call
}

func newMicroservices(b *base) (*microservices, error) {
	m := newMetrics{registry: b.Registry}
	s := &microservices{
		base: b, authTime: m.trend("auth_service_time"), mediaTime: m.trend("media_service_time"),
		userTime: m.trend("user_service_time"), notificationTime: m.trend("notification_service_time"),
		logins: []Login{b.fixedLogin("test@example.com", "password123")},
	}
	t := b.Targets
	s.login = call(t.Auth, "POST", "/api/auth/login", jsonHeader)
	s.media = call(t.Media, "GET", "/api/media", nil)
	s.profile = call(t.User, "GET", "/api/users/profile/{id}", nil)
	s.profile.Path = "/api/users/profile/1"
	s.notify = call(t.Notification, "POST", "/api/notifications/send", jsonHeader)
	s.notify.Body = []byte(`{"userId":1,"type":"email","message":"Performance test notification"}`)
	s.mediaOf = call(t.Media, "GET", "/api/media/user/{id}", nil)
	s.mediaOf.Path = "/api/media/user/1"
	return s, m.err
}

// Setup implements vu.Suite. The services need not have a /health, and the document's script asks for none.
func (s *microservices) Setup(*vu.VU) error { return nil }

// Iterate implements vu.Suite.
func (s *microservices) Iterate(v *vu.VU) error {
	u := stateOf(v)
	if err := s.chooseLogin(v, u, s.logins); err != nil {
		return err
	}
	v.Group("Authentication Service", func() {
		c := s.login
		c.Body = u.login.body
		r := timed(v, s.authTime, &c)
		v.Check("auth service status 200", r.Status == 200)
		v.Check("auth service response time < 300ms", r.Milliseconds < 300)
		s.verifyLogin(v, u, &c, &r)
	})
	v.Group("Media Service", func() {
		r := timed(v, s.mediaTime, &s.media)
		v.Check("media service status 200", r.Status == 200)
		v.Check("media service response time < 500ms", r.Milliseconds < 500)
		if s.verifies(v, u, &r) {
			s.right(v, s.Verifier.MediaList(s.answer(v, u, &s.media, &r), verify.List{Key: "data", First: true, Plain: true, Owner: -1}))
		}
	})
	v.Group("User Service", func() {
		r := timed(v, s.userTime, &s.profile)
		v.Check("user service status 200", r.Status == 200)
		v.Check("user service response time < 200ms", r.Milliseconds < 200)
		if s.verifies(v, u, &r) {
			s.right(v, s.Verifier.PublicProfile(s.answer(v, u, &s.profile, &r), 1))
		}
	})
	v.Group("Notification Service", func() {
		r := timed(v, s.notificationTime, &s.notify)
		v.Check("notification service status 200", r.Status == 200)
		v.Check("notification service response time < 400ms", r.Milliseconds < 400)
	})
	v.Group("Inter-service Communication", func() { s.interService(v, u) })
	return nil
}

// interService goes with one service's token to two others.
func (s *microservices) interService(v *vu.VU, u *user) {
	c := s.login
	c.Body = u.login.body
	r := v.Do(&c)
	if r.Status != 200 {
		return
	}
	u.authorize(r.Body)
	s.verifyLogin(v, u, &c, &r)

	c = s.mediaOf
	c.Header = u.header[:2]
	r = v.Do(&c)
	media := r.Status == 200
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.MediaList(s.answer(v, u, &c, &r), verify.List{Key: "data", First: true, Owner: 0}))
	}
	c = s.profile
	c.Header = u.header[:2]
	r = v.Do(&c)
	v.Check("inter-service media access status 200", media)
	v.Check("inter-service user access status 200", r.Status == 200)
	if s.verifies(v, u, &r) {
		s.right(v, s.Verifier.PublicProfile(s.answer(v, u, &c, &r), 1))
	}
}

// timed sends one request and samples its wall time.
func timed(v *vu.VU, m *metrics.Metric, c *vu.Call) vu.Response {
	start := time.Now()
	r := v.Do(c)
	v.Add(m, milliseconds(time.Since(start)))
	return r
}
