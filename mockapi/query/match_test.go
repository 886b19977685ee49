package query_test

import (
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi/query"
)

// now is the time of all tests here: a Wednesday, the last of a month that the next one has no such day of.
var now = time.Date(2024, 1, 31, 12, 30, 45, 123456789, time.UTC)

func TestMatch(t *testing.T) {
	width, height, played := int32(1920), int32(1080), int32(90)
	description := "Taken at the Ärger Straße"
	accessed := time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)
	photo := query.Row{
		ID: 7, UserID: 3, Filename: "IMG_0042.JPG", OriginalName: "holiday.jpg", Title: "Sunset (50% off)",
		Description: &description, MimeType: "image/jpeg", Size: 2_000_000, Width: &width, Height: &height,
		ViewCount: 12, IsPublic: true,
		CreatedAt: time.Date(2024, 1, 15, 23, 59, 59, 999_999_000, time.UTC), UpdatedAt: time.Date(2024, 1, 16, 0, 0, 0, 0, time.UTC),
		LastAccessed: &accessed, OwnerRole: "admin", OwnerName: "Ada Lovelace", OwnerEmail: "ada@example.com",
		Tags: []string{"photo", "beach"},
		Collections: []query.RowCollection{
			{ID: 1, UserID: 3, Name: "Test Collection", IsPublic: true},
			{ID: 2, UserID: 3, Name: "Secret"},
		},
	}
	song := query.Row{
		ID: 8, UserID: 4, Filename: "song.mp3", Title: "Song", MimeType: "audio/mpeg", Duration: &played,
		CreatedAt: now, UpdatedAt: now, OwnerRole: "user", OwnerName: "Bob", OwnerEmail: "bob@example.com",
	}
	for _, c := range []struct{ query, matches string }{
		{`filename:*.jpg AND size:>1000000`, "photo"},
		{`created_at:>2023-12-31 AND user.role:admin`, "photo"},
		{`tags:photo OR tags:image`, "photo"},
		{`collections.name:"Test Collection"`, "photo"},
		{`*:*`, "photo song"},
		{`NOT *:*`, ""},

		// Names are whole, texts anywhere, bare terms in file name and title or a whole tag.
		{`filename:img_0042.jpg`, "photo"},
		{`filename:img`, ""},
		{`filename:song.mp?`, "song"},
		{`title:unset`, "photo"},
		{`title:sun*`, "photo"},
		{`title:un*`, ""},
		{`title:"50% OFF"`, "photo"},
		{`title:50_`, ""},
		{`description:"ÄRGER straße"`, "photo"},
		{`description:strasse`, ""},
		{`0042`, "photo"},
		{`"jpg sunset"`, "photo"},
		{`beach`, "photo"},
		{`beac`, ""},
		{`bea*`, "photo"},
		{`mpeg`, ""},
		{`type:image`, "photo"},
		{`type:mpeg`, "song"},
		{`type:audio/*`, "song"},
		{`type:audio/`, ""},
		{`original_name:*day*`, "photo"},

		// What is missing fails every test, and so passes its NOT.
		{`width:>100`, "photo"},
		{`width:<100`, ""},
		{`NOT width:>100`, "song"},
		{`NOT width:<100`, "photo song"},
		{`NOT (width:>100 OR duration:>100)`, "song"},
		{`width:*`, "photo"},
		{`NOT duration:*`, "photo"},
		{`duration:1m30s`, "song"},
		{`NOT description:x`, "photo song"},
		{`NOT last_accessed:2024`, "song"},
		{`tags:*`, "photo"},
		{`NOT tags:photo`, "song"},
		{`collections:*`, "photo"},

		// Every test of a relation is about one of its entries, each its own.
		{`tags:(photo AND beach)`, "photo"},
		{`tags:p* NOT tags:photo`, ""},
		{`collections.name:Secret`, ""},
		{`collections.id:2`, ""},
		{`collections.id:>0`, "photo"},
		{`user.name:ada*`, "photo"},
		{`user.role:(user OR moderator)`, "song"},
		{`user.email:*@EXAMPLE.com`, "photo song"},

		// Numbers.
		{`size:2MB`, "photo"},
		{`size:>2MB`, ""},
		{`size:>=2MB`, "photo"},
		{`size:[1MB TO 2MB}`, ""},
		{`size:{1MB TO 2MB]`, "photo"},
		{`views:[* TO 0]`, "song"},
		{`public:true`, "photo"},
		{`public:false`, "song"},
		{`id:(7 OR 8) user_id:4`, "song"},

		// Dates are whole periods.
		{`created_at:2024`, "photo song"},
		{`created_at:2024-01-15`, "photo"},
		{`created_at:2024-01-15T23:59Z`, "photo"},
		{`created_at:2024-01-15T23:59:59.99Z`, "photo"},
		{`created_at:2024-01-16T00:59+01:00`, "photo"},
		{`created_at:>2024-01-15`, "song"},
		{`created_at:>=2024-01-15`, "photo song"},
		{`created_at:<2024-01-15`, ""},
		{`created_at:<=2024-01-15`, "photo"},
		{`created_at:>2024`, ""},
		{`created_at:[2024-01-15 TO 2024-01-31}`, "photo"},
		{`created_at:{2024-01-15 TO 2024-01-31]`, "song"},
		{`updated_at:>2024-01-15`, "photo song"},
		{`updated_at:>2024-01-16T00:00:00Z`, "song"},
		{`created_at:>=now-1M`, "photo song"},
		{`created_at:>=now-15d`, "song"},
		{`created_at:>=now-16d`, "photo song"},
		{`created_at:now/d`, "song"},
		{`created_at:now/w`, "song"},
		{`created_at:now-2w/w`, "photo"}, // Monday 15 January
		{`created_at:now-1M+15d/d`, "photo"},
		{`created_at:<now`, "photo"},
		{`created_at:<=now`, "photo song"},
		{`created_at:>now+1M`, ""},
		{`created_at:<now+1000y`, "photo song"},
	} {
		q, err := query.Parse(c.query, query.AllowPersonal())
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		var got []string
		if q.Match(query.Viewer{ID: 9}, now, &photo) {
			got = append(got, "photo")
		}
		if q.Match(query.Viewer{ID: 9}, now, &song) {
			got = append(got, "song")
		}
		if s := strings.Join(got, " "); s != c.matches {
			t.Errorf("%s: matches %q, want %q", c.query, s, c.matches)
		}
	}

	secret, err := query.Parse(`collections.name:Secret`)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []query.Viewer{{ID: 3}, {ID: 9, All: true}} {
		if !secret.Match(v, now, &photo) {
			t.Errorf("%+v does not find the collection", v)
		}
	}
}

// The plain value of a date is from its start until its end, to the microsecond.
func TestPeriods(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ date, first, last string }{
		{"2024", "2024-01-01T00:00:00Z", "2024-12-31T23:59:59.999999Z"},
		{"2024-02", "2024-02-01T00:00:00Z", "2024-02-29T23:59:59.999999Z"},
		{"2024-12", "2024-12-01T00:00:00Z", "2024-12-31T23:59:59.999999Z"},
		{"2024-02-28", "2024-02-28T00:00:00Z", "2024-02-28T23:59:59.999999Z"},
		{"2024-02-28T10:30", "2024-02-28T10:30:00Z", "2024-02-28T10:30:59.999999Z"},
		{"2024-02-28T10:30-01:30", "2024-02-28T12:00:00Z", "2024-02-28T12:00:59.999999Z"},
		{"2024-02-28T10:30:15", "2024-02-28T10:30:15Z", "2024-02-28T10:30:15.999999Z"},
		{"2024-02-28T10:30:15.25Z", "2024-02-28T10:30:15.25Z", "2024-02-28T10:30:15.259999Z"},
		{"2024-02-28T10:30:15.123456Z", "2024-02-28T10:30:15.123456Z", "2024-02-28T10:30:15.123456Z"},
		{"now/y", "2024-01-01T00:00:00Z", "2024-12-31T23:59:59.999999Z"},
		{"now/M", "2024-01-01T00:00:00Z", "2024-01-31T23:59:59.999999Z"},
		{"now/w", "2024-01-29T00:00:00Z", "2024-02-04T23:59:59.999999Z"},
		{"now+4d/w", "2024-01-29T00:00:00Z", "2024-02-04T23:59:59.999999Z"},
		{"now/d", "2024-01-31T00:00:00Z", "2024-01-31T23:59:59.999999Z"},
		{"now/h", "2024-01-31T12:00:00Z", "2024-01-31T12:59:59.999999Z"},
		{"now/m", "2024-01-31T12:30:00Z", "2024-01-31T12:30:59.999999Z"},
		{"now/s", "2024-01-31T12:30:45Z", "2024-01-31T12:30:45.999999Z"},
		{"now+1M/M", "2024-02-01T00:00:00Z", "2024-02-29T23:59:59.999999Z"},
		{"now-1y-2M+3d/d", "2022-12-03T00:00:00Z", "2022-12-03T23:59:59.999999Z"},
		{"now-2w-36h/h", "2024-01-16T00:00:00Z", "2024-01-16T00:59:59.999999Z"},
	} {
		q, err := query.Parse("created_at:" + c.date)
		if err != nil {
			t.Error(err)
			continue
		}
		first, last := at(c.first), at(c.last)
		for moment, want := range map[time.Time]bool{
			first.Add(-time.Microsecond): false, first: true, last: true, last.Add(time.Microsecond): false,
		} {
			if q.Match(query.Viewer{}, now, &query.Row{CreatedAt: moment}) != want {
				t.Errorf("%s: %v: not %v", c.date, moment, want)
			}
		}
	}
}

// A month before the last day of a longer month is the last day of the shorter one.
func TestMonthsClamp(t *testing.T) {
	q, err := query.Parse("created_at:now+1M/d")
	if err != nil {
		t.Fatal(err)
	}
	r := query.Row{CreatedAt: time.Date(2024, 2, 29, 8, 0, 0, 0, time.UTC)}
	if !q.Match(query.Viewer{}, now, &r) {
		t.Error("31 January and a month is not 29 February")
	}
}
