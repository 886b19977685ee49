package handler

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/medianest/testbed/mockapi"
)

// sameJSON fails unless the appended JSON says what encoding/json says of the same value, but for times, which
// the API tells in milliseconds, and for extra fields.
func sameJSON(t *testing.T, appended []byte, v any, extra ...string) {
	t.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(appended, &got); err != nil {
		t.Fatalf("appended %s: %v", appended, err)
	}
	if err := json.Unmarshal(encoded, &want); err != nil {
		t.Fatal(err)
	}
	if m, ok := got.(map[string]any); ok {
		maps.DeleteFunc(m, func(k string, _ any) bool {
			for _, e := range extra {
				if k == e {
					return true
				}
			}
			return false
		})
	}
	if !reflect.DeepEqual(got, inMilliseconds(want)) {
		t.Errorf("appended      %s\nencoding/json %s", appended, encoded)
	}
}

func inMilliseconds(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = inMilliseconds(v[k])
		}
	case []any:
		for i := range v {
			v[i] = inMilliseconds(v[i])
		}
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t.UTC().Format("2006-01-02T15:04:05.000Z")
		}
	}
	return v
}

var testTime = time.Date(2026, 3, 4, 5, 6, 7, 89_123_456, time.FixedZone("", 3600))

func testMedia() mockapi.Media {
	description, w, h, d, accessed := "Ein \"Titel\" <&> \u2028 \x00 ü 日本\xff", int32(1920), int32(1080), int32(61), testTime
	return mockapi.Media{
		ID: 1, UserID: 2, Filename: "IMG_1.jpg", OriginalName: "a\tb.jpg", Title: "T\n", Description: &description,
		MimeType: "image/jpeg", Size: math.MaxInt64, Width: &w, Height: &h, Duration: &d, ViewCount: 7, IsPublic: true,
		CreatedAt: testTime, UpdatedAt: testTime, LastAccessed: &accessed,
	}
}

func TestAppendersSayWhatTheNounsSay(t *testing.T) {
	media := testMedia()
	sameJSON(t, appendMedia(nil, &media), media)
	sameJSON(t, appendMedia(nil, &mockapi.Media{}), mockapi.Media{})
	media.SHA256 = []byte{0xab, 0xcd}
	if got := appendMedia(nil, &media); !strings.Contains(string(got), `"sha256":"abcd"`) {
		t.Errorf("no digest in %s", got)
	}
	sameJSON(t, appendMedia(nil, &media), media, "sha256")

	login := testTime
	user := mockapi.User{ID: 3, Email: "a@b", Name: "N", Role: mockapi.RoleAdmin, Preferences: json.RawMessage(`{"theme":"dark"}`),
		IsActive: true, CreatedAt: testTime, UpdatedAt: testTime, LastLoginAt: &login}
	sameJSON(t, appendUser(nil, &user), user)
	if got := appendUser(nil, &mockapi.User{}); !strings.Contains(string(got), `"preferences":{},`) {
		t.Errorf("no empty preferences in %s", got)
	}

	collection := mockapi.Collection{ID: 4, UserID: 5, Name: "C", Description: media.Description, ItemCount: 6, CreatedAt: testTime, UpdatedAt: testTime}
	sameJSON(t, appendCollection(nil, &collection), collection)
	item := mockapi.CollectionItem{Position: 1, AddedAt: testTime, Media: testMedia()}
	sameJSON(t, appendCollectionItem(nil, &item), item)
	tag := mockapi.Tag{ID: 8, Name: "photo"}
	sameJSON(t, appendTag(nil, &tag), tag)
	comment := mockapi.Comment{ID: 9, MediaID: 10, UserID: 11, AuthorName: "A", Body: "B", CreatedAt: testTime, UpdatedAt: testTime}
	sameJSON(t, appendComment(nil, &comment), comment)
	dataset := mockapi.Dataset{Fingerprint: "f", Profile: "smoke", Seed: 1<<64 - 1, AsOf: testTime, Complete: true}
	sameJSON(t, appendDataset(nil, &dataset), dataset)
	sameJSON(t, appendArray(nil, []mockapi.Tag{}, appendTag), []mockapi.Tag{})
	sameJSON(t, appendArray(nil, []mockapi.Tag{tag, tag}, appendTag), []mockapi.Tag{tag, tag})
}

func TestAppendTime(t *testing.T) {
	for _, at := range []time.Time{
		{}, time.Unix(0, 0), testTime, time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(2024, 2, 29, 0, 0, 0, 1_000_000, time.UTC), time.Date(1969, 12, 31, 23, 0, 0, 999_999, time.UTC),
	} {
		want := at.UTC().Format(`"2006-01-02T15:04:05.000Z"`)
		if got := string(appendTime(nil, at)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "a\"b\\c", "\x00\x1f\x7f", "é日本😀", "\xff\xc3", "\u2028<script>&"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := appendString(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q became %s: %v", s, b, err)
		}
		want := s
		if !utf8.ValidString(s) {
			want = string([]rune(s)) // each invalid byte becomes U+FFFD
		}
		if got != want {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

func testPage() mockapi.Page[mockapi.Media] {
	page := mockapi.Page[mockapi.Media]{Total: 1e6, TotalKind: mockapi.TotalMaintained, HasNext: true, NextCursor: "Q3Vyc29y"}
	for i := range 20 {
		m := testMedia()
		plain := "A quiet morning by the lake, taken from the jetty."
		m.ID, m.Description, m.Size = int64(i+1), &plain, 3_456_789
		page.Items = append(page.Items, m)
	}
	return page
}

// BenchmarkPage writes a page of 20 media files in the two ways.
func BenchmarkPage(b *testing.B) {
	page := testPage()
	b.Run("append", func(b *testing.B) {
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			buf = appendArray(buf[:0], page.Items, appendMedia)
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("encoding json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out, err := json.Marshal(page.Items)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(out)))
		}
	})
}
