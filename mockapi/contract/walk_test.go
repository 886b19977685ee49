package contract_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/contract"
	"github.com/medianest/testbed/mockapi/contract/contracttest"
	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/monitor"
)

// TestEveryStatusOfEveryOperation makes every operation answer with every status that the document lists for it,
// and holds each exchange against the document. A status that cannot come does not belong into the document.
func TestEveryStatusOfEveryOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.prepare()
	for _, op := range w.validator.Document().Operations() {
		for _, service := range op.Services {
			for _, status := range op.Node.Object("responses").Keys() {
				t.Run(fmt.Sprintf("%s %s %s", service, op.ID, status), func(t *testing.T) {
					want, err := strconv.Atoi(status)
					if err != nil {
						t.Fatal(err)
					}
					w.t = t
					x := w.provoke(&op, service, want)
					if x.Status != want {
						t.Fatalf("%s, want %d: %.500s", x, want, x.Body)
					}
					if err := w.validator.Response(x); err != nil {
						t.Errorf("%s: %v", x, err)
					}
					if want < 400 {
						if err := w.validator.Request(x); err != nil {
							t.Errorf("%s: %v", x, err)
						}
					}
				})
			}
		}
	}
}

// Rows of the world that the requests below speak of.
const (
	ofMember  = 5001 // a file and a collection of perf.user1, public
	private   = 5002 // a file and a collection of somebody else, private; its comment, and one user's notification
	nowhere   = 987654321
	inactive  = "inactive@medianest.test"
	newcomers = "newcomer%d@medianest.test"
)

// prepare adds rows that are known.
func (w *world) prepare() {
	w.exec(`UPDATE media_files SET is_public = true WHERE id = 1`)
	w.exec(`INSERT INTO media_files (id, user_id, filename, original_name, title, mime_type, size, is_public) VALUES
		(5001, 1, 'mine.jpg', 'mine.jpg', 'Mine', 'image/jpeg', 1000, true), (5002, 2, 'theirs.jpg', 'theirs.jpg', 'Theirs', 'image/jpeg', 1000, false)`)
	w.exec(`INSERT INTO collections (id, user_id, name, is_public) VALUES (5001, 1, 'Mine', true), (5002, 2, 'Theirs', false)`)
	w.exec(`INSERT INTO users (email, password_hash, name, is_active) SELECT '` + inactive + `', password_hash, 'Inactive', false FROM users WHERE id = 1`)
	w.exec(`INSERT INTO notifications (id, user_id, type, message) VALUES (5001, 1, 'push', 'Yours')`)
	w.renew()
}

// renew puts back what the requests below delete.
func (w *world) renew() {
	w.exec(`INSERT INTO media_files (id, user_id, filename, original_name, title, mime_type, size, is_public)
		VALUES (5003, 1, 'gone.jpg', 'gone.jpg', 'Gone', 'image/jpeg', 1000, true) ON CONFLICT DO NOTHING`)
	w.exec(`INSERT INTO collections (id, user_id, name) VALUES (5003, 1, 'Gone') ON CONFLICT DO NOTHING`)
	w.exec(`INSERT INTO tags (id, name) VALUES (5001, 'fleeting') ON CONFLICT DO NOTHING`)
	w.exec(`INSERT INTO media_tags (media_id, tag_id) VALUES (5001, 5001) ON CONFLICT DO NOTHING`)
	w.exec(`INSERT INTO comments (id, media_id, user_id, body) VALUES (5001, 5001, 1, 'Mine'), (5002, 5001, 2, 'Theirs') ON CONFLICT DO NOTHING`)
	w.exec(`INSERT INTO collection_items (collection_id, media_id, position) VALUES (5001, 5001, 1) ON CONFLICT DO NOTHING`)
}

// provoke sends a request that the operation answers with the status.
func (w *world) provoke(op *contract.Operation, service string, status int) *contracttest.Exchange {
	w.t.Helper()
	r := w.example(op)
	switch {
	case op.Tag == "control" && status == http.StatusForbidden:
		return w.fromElsewhere(op, r)
	case status == http.StatusTooManyRequests:
		w.misbehave(fault.Rule{Quota: &fault.Quota{Limit: 0, Window: fault.Duration(time.Minute)}})
	case status == http.StatusLocked:
		w.misbehave(fault.Rule{Lockout: &fault.Lockout{Failures: 1, For: fault.Duration(time.Minute)}})
		w.do(service, request{method: r.method, path: r.path, header: r.header, body: []byte(`{"email":"perf.user2@medianest.test","password":"wrong"}`)})
		r.body = []byte(`{"email":"perf.user2@medianest.test","password":"Performance123!"}`)
	case op.ID == "reset" && status == http.StatusNotFound:
		return w.brokenReset(r, mockapi.Errorf(mockapi.CodeNotFound, "there is no snapshot"))
	case op.ID == "reset" && status == http.StatusServiceUnavailable:
		return w.brokenReset(r, errors.New("the disk is full"))
	case op.ID == "followPerformance" && status == http.StatusServiceUnavailable:
		w.crowd()
	case status >= http.StatusInternalServerError:
		w.misbehave(fault.Rule{Status: &fault.Status{Code: status}})
	case status < 400:
		w.succeed(op, &r, status)
	default:
		w.spoil(op, &r, status)
	}
	return w.do(service, r)
}

// crowd lets as many readers follow the monitor as may, until the end of the test.
func (w *world) crowd() {
	w.t.Helper()
	for n := 0; n < monitor.MaxReaders; {
		switch _, err := w.monitor.Subscribe(w.t.Context(), 0); {
		case err == nil:
			n++
		case errors.Is(err, monitor.ErrTooManyReaders): // a reader of before is about to leave
			runtime.Gosched()
		default:
			w.t.Fatal(err)
		}
	}
}

// misbehave lets a rule live until the end of the test.
func (w *world) misbehave(r fault.Rule) {
	w.t.Helper()
	if _, err := w.faults.Add(r); err != nil {
		w.t.Fatal(err)
	}
	w.t.(*testing.T).Cleanup(w.faults.Clear)
}

// example is the document's own example of a request to the operation.
func (w *world) example(op *contract.Operation) request {
	w.t.Helper()
	e, err := w.validator.Document().Example(op)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(e.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	r := request{method: e.Method, path: u.EscapedPath(), query: u.RawQuery, header: http.Header{}, body: e.Body}
	for _, line := range e.Header {
		name, value, _ := strings.Cut(line, ": ")
		r.header.Set(name, value)
	}
	switch op.Access {
	case contract.Control:
		r.header.Set("X-Admin-Token", adminToken)
	case contract.Member, contract.Optional:
		r.header.Set("Authorization", "Bearer "+w.tokens["member"])
	}
	return r
}

// succeed changes a request so that it is answered with the status, which is a success.
func (w *world) succeed(op *contract.Operation, r *request, status int) {
	w.t.Helper()
	w.renew()
	to := func(path string) { r.path = path }
	name := strings.ToLower(op.ID)
	switch {
	case status == http.StatusNotModified:
		r.header.Del("Range")
		r.header.Set("If-None-Match", w.do(op.Services[0], *r).Header.Get("ETag"))
	case status == http.StatusOK && r.header.Get("Range") != "":
		r.header.Del("Range")
	case strings.HasSuffix(name, "register"):
		r.body = fmt.Appendf(nil, `{"email":"`+newcomers+`","password":"Performance123!"}`, time.Now().UnixNano())
	case strings.HasSuffix(name, "refresh"):
		r.body = w.refreshBody("perf.user3@medianest.test")
	case strings.HasSuffix(name, "logout"):
		r.header.Set("Authorization", "Bearer "+w.login("perf.user4@medianest.test", "Performance123!"))
	case op.ID == "listUsers":
		r.header.Set("Authorization", "Bearer "+w.tokens["admin"])
	case op.ID == "updateMedia", op.ID == "addMediaTags":
		to(strings.Replace(r.path, "/media/1", "/media/5001", 1))
	case op.ID == "deleteMedia":
		to("/api/v1/media/5003")
	case op.ID == "removeMediaTag":
		to("/api/v1/media/5001/tags/fleeting")
	case op.ID == "deleteComment":
		to("/api/v1/media/5001/comments/5001")
	case op.ID == "deleteCollection":
		to("/api/v1/collections/5003")
	case op.ID == "addCollectionItems":
		r.body = []byte(`{"mediaIds":[1,5001]}`)
	case op.ID == "removeCollectionItem":
		to("/api/v1/collections/5001/items/5001")
	case name == "readnotification" || name == "notificationserviceread":
		to(strings.TrimSuffix(r.path, "1") + "5001")
	case op.ID == "removeFault":
		rules, err := w.faults.Add(fault.Rule{TokenLife: fault.Duration(time.Hour)})
		if err != nil {
			w.t.Fatal(err)
		}
		to("/admin/faults/" + rules[0].ID)
	}
	if op.Access == contract.Control {
		w.t.(*testing.T).Cleanup(w.faults.Clear)
	}
}

// spoil changes a request so that it is answered with the status, which is a failure.
func (w *world) spoil(op *contract.Operation, r *request, status int) {
	w.t.Helper()
	writes := r.header.Get("Content-Type") != ""
	switch status {
	case http.StatusBadRequest:
		if op.ID == "listUsers" {
			r.header.Set("Authorization", "Bearer "+w.tokens["admin"])
		}
		switch {
		case op.ID == "getPerformanceMetrics":
			r.query = "timeWindow=999"
		case op.ID == "getDashboard":
			r.query = "window=ever"
		case writes:
			r.body = []byte(`{"operations":7}`)
		case slices.ContainsFunc(op.Parameters, isNumberInPath):
			r.path = strings.Replace(r.path, "/1", "/one", 1)
		case strings.Contains(op.Path, "{name}") && op.Access != contract.Control:
			r.path = strings.TrimSuffix(r.path, "photo") + "%00"
		case op.ID == "startPreset":
			r.query = "ttl=soon"
		case strings.Contains(op.ID, "Journal"):
			r.query = "status=many"
		case op.ID == "getMediaStatistics":
			r.query = "timeframe=ever"
		default:
			r.query = "page=0"
		}
	case http.StatusUnauthorized:
		switch {
		case op.Access == contract.Control:
			r.header.Set("X-Admin-Token", "wrong")
		case op.Access == contract.Open && strings.HasSuffix(strings.ToLower(op.ID), "refresh"):
			r.body = []byte(`{"refreshToken":"no.such.token"}`)
		case op.Access == contract.Open:
			r.body = []byte(`{"email":"perf.user1@medianest.test","password":"wrong"}`)
		default:
			r.header.Set("Authorization", "Bearer "+expiredToken(w.t))
		}
	case http.StatusForbidden:
		w.deny(op, r)
	case http.StatusNotFound:
		switch {
		case op.Access == contract.Control:
			r.path += "-no-such"
		case strings.HasSuffix(strings.ToLower(op.ID), "listmedia"):
			r.query = fmt.Sprint("collectionId=", nowhere)
		case op.ID == "executeTransaction":
			r.header.Set("Authorization", "Bearer "+w.tokens["admin"])
			r.body = fmt.Appendf(nil, `{"operations":[{"table":"collections","action":"insert","data":{"name":"x","user_id":%d}}]}`, nowhere)
		case op.ID == "getUser":
			r.header.Set("Authorization", "Bearer "+w.tokens["admin"])
			r.path = "/api/v1/users/" + strconv.Itoa(nowhere)
		case writes && op.Access == contract.Open:
			r.body = bytes.Replace(r.body, []byte(`"userId":1`), fmt.Appendf(nil, `"userId":%d`, nowhere), 1)
		default:
			r.path = strings.Replace(r.path, "/1", "/"+strconv.Itoa(nowhere), 1)
		}
	case http.StatusConflict:
		r.body = []byte(`{"email":"perf.user1@medianest.test","password":"Performance123!"}`)
	case http.StatusPreconditionFailed:
		r.header.Set("If-Match", `"other"`)
	case http.StatusRequestEntityTooLarge:
		r.body = []byte(`{"x":"` + strings.Repeat("x", 1<<20) + `"}`)
	case http.StatusUnsupportedMediaType:
		r.header.Set("Content-Type", "application/xml") // text/plain is good for beacons
	case http.StatusRequestedRangeNotSatisfiable:
		r.header.Set("Range", "bytes=1000000000000-")
	default:
		w.t.Fatalf("nothing is known that %s answers with %d", op.ID, status)
	}
}

func isNumberInPath(p *contract.Object) bool {
	return p.Text("in") == "path" && strings.HasSuffix(p.Object("schema").Text("$ref"), "/Id")
}

// deny makes a request one that the caller may not make.
func (w *world) deny(op *contract.Operation, r *request) {
	w.t.Helper()
	name := strings.ToLower(op.ID)
	switch {
	case strings.HasSuffix(name, "login"):
		r.body = []byte(`{"email":"` + inactive + `","password":"Performance123!"}`)
	case strings.HasSuffix(name, "refresh"):
		w.exec(`UPDATE users SET is_active = true WHERE email = 'perf.user5@medianest.test'`)
		r.body = w.refreshBody("perf.user5@medianest.test")
		w.exec(`UPDATE users SET is_active = false WHERE email = 'perf.user5@medianest.test'`)
	case op.ID == "listUsers":
	case op.ID == "getUser":
		r.path = "/api/v1/users/2"
	case strings.HasSuffix(name, "listmedia"):
		r.query = "all=true"
	case op.ID == "executeTransaction":
		r.body = []byte(`{"operations":[{"table":"collections","action":"delete","where":{"user_id":2}}]}`)
	case op.ID == "deleteComment":
		r.path = "/api/v1/media/5001/comments/5002"
	default:
		r.path = strings.Replace(r.path, "/1", "/5002", 1)
	}
}

// refreshBody logs in and returns the body of a refresh.
func (w *world) refreshBody(email string) []byte {
	w.t.Helper()
	body, _ := json.Marshal(map[string]string{"email": email, "password": "Performance123!"})
	x := w.do("api", request{method: "POST", path: "/api/v1/auth/login", header: http.Header{"Content-Type": {"application/json"}}, body: body})
	var answer struct{ RefreshToken string }
	if err := json.Unmarshal(x.Body, &answer); err != nil || answer.RefreshToken == "" {
		w.t.Fatalf("%s: %s", x, x.Body)
	}
	return fmt.Appendf(nil, `{"refreshToken":%q}`, answer.RefreshToken)
}

// expiredToken is signed with the right secret, and was good until yesterday.
func expiredToken(t testing.TB) string {
	t.Helper()
	yesterday := time.Now().Add(-24 * time.Hour).Unix()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"userId": 1, "email": "perf.user1@medianest.test", "role": "user", "sid": "8833a406-9bf0-4fb3-9bd6-9f006d7dd682",
		"auth_time": yesterday - 3600, "iss": auth.Issuer, "aud": auth.AccessAudience, "iat": yesterday - 3600, "exp": yesterday,
	}).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// fromElsewhere asks the control API as another machine would.
func (w *world) fromElsewhere(op *contract.Operation, r request) *contracttest.Exchange {
	req := httptest.NewRequest(r.method, r.path, bytes.NewReader(r.body))
	req.Header = r.header
	req.RemoteAddr = "192.0.2.7:1234"
	return record(w.control, req, r)
}

// brokenReset resets a mock that cannot, for a reason.
func (w *world) brokenReset(r request, reason error) *contracttest.Exchange {
	w.reason = reason
	req := httptest.NewRequest(r.method, r.path, nil)
	req.Header = r.header
	return record(w.unresettable, req, r)
}

func record(h http.Handler, req *http.Request, r request) *contracttest.Exchange {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return &contracttest.Exchange{
		Service: "api", Method: r.method, Path: r.path, Query: r.query, RequestHeader: r.header, RequestBody: r.body,
		Status: rec.Code, Header: rec.Result().Header, Body: rec.Body.Bytes(),
	}
}
