package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/schema/schematest"
)

func TestErrorsHaveCodes(t *testing.T) {
	pg := func(code, constraint string) error {
		return fmt.Errorf("query: %w", &pgconn.PgError{Code: code, ConstraintName: constraint, Severity: "ERROR"})
	}
	for _, c := range []struct {
		err  error
		want mockapi.Code
	}{
		{pg("23505", "users_email_key"), mockapi.CodeDuplicate},
		{pg("23505", "tags_name_key"), mockapi.CodeDuplicate},
		{pg("23503", "media_files_user_id_fkey"), mockapi.CodeUnauthorized},
		{pg("23503", "comments_media_id_fkey"), mockapi.CodeNotFound},
		{pg("23503", "something_else"), mockapi.CodeNotFound},
		{pg("23514", "media_files_size_not_negative"), mockapi.CodeValidation},
		{pg("22003", ""), mockapi.CodeValidation},
		{pg("22021", ""), mockapi.CodeValidation},
		{pg("40001", ""), mockapi.CodeUnavailable},
		{pg("40P01", ""), mockapi.CodeUnavailable},
		{pg("53300", ""), mockapi.CodeUnavailable}, // too many connections
		{pg("57014", ""), mockapi.CodeUnavailable}, // statement timeout
		{pg("57P01", ""), mockapi.CodeUnavailable}, // terminated
		{pg("57P03", ""), mockapi.CodeUnavailable}, // starting up
		{pg("25006", ""), mockapi.CodeUnavailable}, // a standby
		{pg("42601", ""), mockapi.CodeInternal},    // our own mistake
		{context.DeadlineExceeded, mockapi.CodeUnavailable},
		{context.Canceled, mockapi.CodeUnavailable},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, mockapi.CodeUnavailable},
		{errors.New("unexpected EOF"), mockapi.CodeUnavailable},
		{errors.New("row has 3 columns"), mockapi.CodeInternal},
		{errNotYours, mockapi.CodeAccessDenied},
	} {
		s := &Store{log: slog.New(slog.DiscardHandler)}
		err := s.translate("do something", c.err)
		if got := mockapi.CodeOf(err); got != c.want {
			t.Errorf("%v: code %s, want %s", c.err, got, c.want)
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%v: the cause is lost in %v", c.err, err)
		}
		if failed := s.failed.Load(); (failed == 1) != (c.want == mockapi.CodeUnavailable) {
			t.Errorf("%v: counted %d outages", c.err, failed)
		}
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	pg := func(code, message string) error { return &pgconn.PgError{Code: code, Message: message} }
	for _, c := range []struct {
		err          error
		broken, want bool
		times        int
	}{
		{errors.New("read: connection reset"), true, true, 9},
		{errors.New("read: connection reset"), false, false, 0},
		{pg("40001", ""), false, true, 3},
		{pg("40P01", ""), false, true, 3},
		{pg("0A000", "cached plan must not change result type"), false, true, 1},
		{pg("0A000", "not supported"), false, false, 0},
		{pg("26000", "prepared statement does not exist"), false, true, 1},
		{pg("23505", ""), false, false, 0},
		{pg("57014", ""), false, false, 0},
		{context.DeadlineExceeded, false, false, 0},
	} {
		times := 0
		for times < 9 && again(c.err, c.broken, times) {
			times++
		}
		if times != c.times {
			t.Errorf("%v (broken read: %v): tried %d times more, want %d", c.err, c.broken, times, c.times)
		}
	}
}

func TestColumnsAgreeWithSchema(t *testing.T) {
	names := func(list string) []string { return strings.Split(list, ", ") }
	var media []string
	for _, c := range schema.MediaFiles.Columns {
		media = append(media, c.Name)
	}
	if got := names(mediaColumns); !reflect.DeepEqual(got, media) {
		t.Errorf("mediaColumns %q, the schema has %q", got, media)
	}
	var user []string
	for _, c := range schema.Users.Columns {
		if c.Name != "password_hash" {
			user = append(user, c.Name)
		}
	}
	if got := names(userColumns); !reflect.DeepEqual(got, user) {
		t.Errorf("userColumns %q, the schema has %q", got, user)
	}
}

func TestRowRefusesWhatItIsNot(t *testing.T) {
	eight := binary.BigEndian.AppendUint64(nil, 77)
	for name, c := range map[string]struct {
		columns [][]byte
		read    func(*row)
		wrong   bool
	}{
		"right":            {[][]byte{eight, []byte("x"), nil}, func(r *row) { r.int64(); r.text(); r.nullInt32() }, false},
		"too short":        {[][]byte{eight[:4]}, func(r *row) { r.int64() }, true},
		"null":             {[][]byte{nil}, func(r *row) { r.text() }, true},
		"too few":          {[][]byte{eight}, func(r *row) { r.int64(); r.int64() }, true},
		"too many":         {[][]byte{eight, eight}, func(r *row) { r.int64() }, true},
		"text for boolean": {[][]byte{[]byte("true")}, func(r *row) { r.bool() }, true},
		"jsonb version":    {[][]byte{[]byte("\x02{}")}, func(r *row) { r.json() }, true},
		"empty jsonb":      {[][]byte{{}}, func(r *row) { r.json() }, true},
		"snapshot":         {[][]byte{make([]byte, 20)}, func(r *row) { r.snapshot() }, false},
		"broken snapshot":  {[][]byte{make([]byte, 24)}, func(r *row) { r.snapshot() }, true},
	} {
		r := row{columns: c.columns}
		c.read(&r)
		if err := r.finish(); (err != nil) != c.wrong {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCursorComesBack(t *testing.T) {
	for _, c := range []cursor{
		{order: orderID, id: 1 << 62},
		newestCursor(time.Date(1969, 1, 2, 3, 4, 5, 6000, time.UTC), 3),
		{order: orderName, text: "häuser & \x00", id: 9},
	} {
		got, err := decodeCursor(c.encode(), c.order)
		if err != nil || got != c {
			t.Errorf("%+v came back as %+v, %v", c, got, err)
		}
	}
	at := time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)
	if got := newestCursor(at, 1).time(); !got.Equal(at) {
		t.Errorf("time %v came back as %v", at, got)
	}
}

// A cursor that somebody made up is refused where PostgreSQL does not have its value.
func TestCursorBeyondPostgreSQL(t *testing.T) {
	for _, c := range []cursor{
		{order: orderNewest, num: math.MaxInt64}, {order: orderOldest, num: math.MinInt64},
		newestCursor(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), 1), newestCursor(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), 1),
		{order: orderPosition, num: 0}, {order: orderPosition, num: 1 << 31},
	} {
		if got, err := decodeCursor(c.encode(), c.order); mockapi.CodeOf(err) != mockapi.CodeValidation {
			t.Errorf("%+v was taken as %+v, %v", c, got, err)
		}
	}
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add(newestCursor(time.Unix(1700000000, 0), 5).encode())
	f.Add("")
	f.Add("____")
	f.Add("bg000000000000000000\r000")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := decodeCursor(s, orderNewest)
		if err != nil {
			if mockapi.CodeOf(err) != mockapi.CodeValidation {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if c.encode() != s {
			t.Errorf("%q is a cursor that would be written %q", s, c.encode())
		}
	})
}

func TestBloom(t *testing.T) {
	b := newBloom()
	member := func(i uint32) (id [16]byte) { binary.BigEndian.PutUint32(id[12:], i); return id }
	const members = 200_000
	for i := range uint32(members) {
		b.add(member(i))
	}
	for i := range uint32(members) {
		if !b.mayHave(member(i)) {
			t.Fatalf("member %d is denied", i)
		}
	}
	wrong := 0
	for range members {
		var id [16]byte
		rand.Read(id[:])
		if b.mayHave(id) {
			wrong++
		}
	}
	// (1 - e^(-5*200000/2^24))^5 is one in 1.5 million.
	if wrong > 5 {
		t.Errorf("%d of %d strangers pass for members", wrong, members)
	}
}

func TestSessionFilterKeepsWhatComesWhileItIsFilled(t *testing.T) {
	var f sessionFilter
	a, b, c := [16]byte{1}, [16]byte{2}, [16]byte{3}
	if !f.mayBeRevoked(a) {
		t.Error("an empty filter denies")
	}
	err := f.fill(func(add func([16]byte)) error { add(a); f.add(b); return nil })
	if err != nil || !f.mayBeRevoked(a) || !f.mayBeRevoked(b) || f.mayBeRevoked(c) {
		t.Errorf("after filling: %v %v %v, %v", f.mayBeRevoked(a), f.mayBeRevoked(b), f.mayBeRevoked(c), err)
	}
	err = f.fill(func(func([16]byte)) error { return errors.New("away") })
	if err == nil || !f.mayBeRevoked(a) || f.mayBeRevoked(c) {
		t.Error("a filling that failed has changed the filter")
	}
}

func TestSnapshotSees(t *testing.T) {
	s := snapshot{xmin: 10, xmax: 20, running: []uint64{12, 15}}
	for xid, want := range map[uint64]bool{9: true, 10: true, 12: false, 13: true, 15: false, 19: true, 20: false, 99: false} {
		if s.sees(xid) != want {
			t.Errorf("transaction %d: seen %v", xid, !want)
		}
	}
	if (snapshot{}).sees(1) {
		t.Error("no snapshot sees something")
	}
}

func TestTallyCountsEachWriteOnce(t *testing.T) {
	var count tally
	count.add(written{5, 1, 1})
	before, after := written{8, 1, 1}, written{12, 1, 2}
	err := count.count(func() (snapshot, int64, int64, error) {
		count.add(after)  // committed too late to be counted
		count.add(before) // counted, and told of only now
		return snapshot{xmin: 10, xmax: 10}, 100, 200, nil
	})
	count.add(written{9, 1, 1}) // counted, and told of even later
	count.add(written{13, -1, -1})
	if public, all, known := count.get(); err != nil || !known || public != 100 || all != 201 {
		t.Errorf("public %d, all %d, %v, %v", public, all, known, err)
	}
}

func TestMemo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemo[string, int](3, time.Minute)
		put := func(k string, v int) {
			_, promise, ok := m.get(k)
			if ok {
				t.Fatalf("%s is there", k)
			}
			m.put(k, v, promise)
		}
		put("a", 1)
		if v, _, ok := m.get("a"); !ok || v != 1 {
			t.Errorf("a: %d, %v", v, ok)
		}
		_, promise, _ := m.get("b")
		m.drop("b")
		m.put("b", 2, promise)
		if _, _, ok := m.get("b"); ok {
			t.Error("a value from before the change is remembered")
		}
		time.Sleep(2 * time.Minute)
		put("a", 3)
		for i := range 10 {
			put(fmt.Sprint(i), i)
			if len(m.entries) > 3 {
				t.Fatalf("%d entries", len(m.entries))
			}
		}
	})
}

// Those who ask while an answer is on its way share it, and do not keep it from being remembered.
func TestSearchesAreRememberedWhenManyAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := searches{refresh: time.Minute, answers: newMemo[searchKey, mockapi.Page[mockapi.Media]](10, time.Minute)}
		release, runs := make(chan struct{}), 0
		ask := func() {
			p, err := s.get(t.Context(), searchKey{query: "beach"}, func() (mockapi.Page[mockapi.Media], error) {
				runs++
				<-release
				return mockapi.Page[mockapi.Media]{Total: 7}, nil
			})
			if err != nil || p.Total != 7 {
				t.Errorf("answered %+v, %v", p, err)
			}
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(ask)
			synctest.Wait()
		}
		close(release)
		all.Wait()
		ask()
		if runs != 1 {
			t.Errorf("searched %d times, want once", runs)
		}
	})
}

// However many transactions want totals to be counted, counting takes a share of the time.
func TestCountingRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{store: &Store{log: slog.New(slog.DiscardHandler)}, recount: time.Hour, due: make(chan struct{}, 1)}
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second)
		defer cancel()
		counts := 0
		k.wantRecount()
		k.count(ctx, func(ctx context.Context) error {
			if ctx.Err() == nil {
				counts++
			}
			k.wantRecount() // by a transaction that came meanwhile
			pause(ctx, time.Second)
			return ctx.Err()
		})
		if want := 60 / (1 + recountRest); counts != want {
			t.Errorf("counted %d times in a minute, a second each, want %d", counts, want)
		}
	})
}

func TestExpiredSessionsAreDeleted(t *testing.T) {
	dsn := schematest.New(t)
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	_, err = c.Exec(t.Context(), `WITH u AS (INSERT INTO users (email, password_hash, name) VALUES ('a@b.test', 'x', 'A') RETURNING id)
		INSERT INTO sessions (id, user_id, expires_at) SELECT gen_random_uuid(), id, now() + n * interval '1 hour' FROM u, generate_series(-6000, 10) n`)
	if err != nil {
		t.Fatal(err)
	}
	if err := dropExpired(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := c.QueryRow(t.Context(), "SELECT count(*) FROM sessions").Scan(&left); err != nil || left != 11 && left != 12 {
		t.Errorf("%d sessions left, %v: want those of the last hour and later", left, err)
	}
}

func TestIndexedWords(t *testing.T) {
	for word, want := range map[string]bool{"abc": true, "ab": false, "a-b-c": false, "x_img2": true, "été": false, "été2024": true, "%%%": false, "": false} {
		if indexed(word) != want {
			t.Errorf("%q: %v", word, !want)
		}
	}
	if got := likePattern(`50%_\`); got != `%50\%\_\\%` {
		t.Errorf("pattern %s", got)
	}
}

func TestWhereNumbersItsParameters(t *testing.T) {
	w := from("FROM t")
	w.and("a = $ AND b < $", 1, 2)
	w.and("c")
	w.and("d = $", 3)
	const want = "FROM t WHERE a = $1 AND b < $2 AND c AND d = $3"
	if w.String() != want || !reflect.DeepEqual(w.args, []any{1, 2, 3}) {
		t.Errorf("%s with %v", w, w.args)
	}
}

func TestOpenRefusesNonsense(t *testing.T) {
	for _, o := range []Options{{PoolSize: -1}, {Timeout: -1}, {Recount: -1}} {
		if s, err := Open(t.Context(), "postgres://127.0.0.1/x", o); err == nil {
			s.Close()
			t.Errorf("%+v was accepted", o)
		}
	}
	var log bytes.Buffer
	s, err := Open(t.Context(), "postgres://u:secret@127.0.0.1:bad/x", Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err == nil {
		s.Close()
		t.Fatal("a bad DSN was accepted")
	}
	if strings.Contains(err.Error()+log.String(), "secret") {
		t.Errorf("the password is told: %v", err)
	}
}
