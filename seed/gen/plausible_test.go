package gen_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/medianest/testbed/seed/gen"
)

const day = 24 * int64(time.Hour/time.Microsecond)

// A user signs up within the last two years, changes the profile and logs in afterwards. Active ones have logged
// in within 45 days, inactive ones not for 90 unless they are newer than that, and some never.
func TestUsersArePlausible(t *testing.T) {
	w := devWorld(t)
	now := asOf.UnixMicro()
	none(t, w.users, "signed up outside of the two years", func(u *gen.User) bool { return u.CreatedAt < now-730*day || u.CreatedAt > now })
	none(t, w.users, "updated before signing up, or in future", func(u *gen.User) bool { return u.UpdatedAt < u.CreatedAt || u.UpdatedAt > now })
	none(t, w.users, "logged in before signing up, or in future", func(u *gen.User) bool {
		return u.LastLoginAt != 0 && (u.LastLoginAt < u.CreatedAt || u.LastLoginAt > now)
	})
	none(t, w.users, "active without a recent login", func(u *gen.User) bool { return u.Active && u.LastLoginAt < now-45*day })
	none(t, w.users, "inactive with a recent login", func(u *gen.User) bool {
		return !u.Active && u.LastLoginAt > now-90*day && u.CreatedAt < now-90*day
	})
	none(t, w.users, "a name that is not two words or more", func(u *gen.User) bool { return !bytes.Contains(u.Name, []byte(" ")) })
	never := 0
	for i := 1; i < len(w.users); i++ {
		if w.users[i].CreatedAt < w.users[i-1].CreatedAt {
			t.Errorf("user %d signed up before user %d", i+1, i)
			break
		}
		if w.users[i].LastLoginAt == 0 {
			never++
		}
	}
	if never < len(w.users)/200 || never > len(w.users)/50 {
		t.Errorf("%d of %d users never logged in", never, len(w.users))
	}

	emails := map[string]bool{}
	reserved := regexp.MustCompile(`^[a-z0-9._]+@([a-z]+\.)?(example\.(com|org|net)|medianest\.test)$`)
	none(t, w.users, "email twice or not at a reserved domain", func(u *gen.User) bool {
		twice := emails[string(u.Email)]
		emails[string(u.Email)] = true
		return twice || !reserved.Match(u.Email)
	})
	// The address is made of the name: the surname is in it, and the first letter of the given name.
	none(t, w.users[len(w.data.Accounts()):], "address of somebody else", func(u *gen.User) bool {
		first, last, _ := strings.Cut(strings.ToLower(string(u.Name)), " ")
		return !strings.Contains(string(u.Email), strings.ReplaceAll(last, "'", "")) || !strings.Contains(string(u.Email), first[:1])
	})
}

var filename = regexp.MustCompile(`^(IMG|VID|DOC|PHOTO|VIDEO|SCAN)_[0-9]{8}\.(jpg|png|mp4|pdf|avi)$`)

// What a media file is decides its names, its dimensions and its length.
func TestMediaFilesArePlausible(t *testing.T) {
	w := devWorld(t)
	now := asOf.UnixMicro()
	extension := map[string][]string{"image/jpeg": {"jpg", "jpeg"}, "image/png": {"png"}, "video/mp4": {"mp4"}, "video/avi": {"avi"}, "application/pdf": {"pdf"}}
	none(t, w.media, "filename", func(m *gen.MediaFile) bool { return !filename.Match(m.Filename) })
	none(t, w.media, "extension", func(m *gen.MediaFile) bool {
		return !slices.Contains(extension[m.MIMEType], ext(m.Filename)) || !slices.Contains(extension[m.MIMEType], ext(m.OriginalName))
	})
	none(t, w.media, "prefix", func(m *gen.MediaFile) bool {
		prefix, _, _ := strings.Cut(string(m.Filename), "_")
		switch {
		case strings.HasPrefix(m.MIMEType, "video/"):
			return prefix != "VID" && prefix != "VIDEO"
		case strings.HasPrefix(m.MIMEType, "image/"):
			return prefix != "IMG" && prefix != "PHOTO" && prefix != "SCAN"
		}
		return prefix != "DOC" && prefix != "SCAN"
	})
	none(t, w.media, "dimensions", func(m *gen.MediaFile) bool {
		if m.MIMEType == "application/pdf" {
			return m.Width != 0 || m.Height != 0
		}
		return m.Width < 800 || m.Width > 4096 || m.Height < 600 || m.Height > 3072
	})
	none(t, w.media, "duration", func(m *gen.MediaFile) bool {
		if strings.HasPrefix(m.MIMEType, "video/") {
			return m.Duration < 1 || m.Duration > 7200
		}
		return m.Duration != 0
	})
	none(t, w.media, "bits per second of a video", func(m *gen.MediaFile) bool {
		return m.Duration > 1 && (m.Size*8/int64(m.Duration) < 20_000 || m.Size*8/int64(m.Duration) > 100_000_000)
	})
	none(t, w.media, "views", func(m *gen.MediaFile) bool { return m.ViewCount < 0 || m.ViewCount > 10_000 })
	none(t, w.media, "accessed without views, or viewed without access", func(m *gen.MediaFile) bool { return (m.ViewCount == 0) != (m.LastAccessed == 0) })
	none(t, w.media, "times", func(m *gen.MediaFile) bool {
		return m.UpdatedAt < m.CreatedAt || m.UpdatedAt > now || m.LastAccessed != 0 && (m.LastAccessed < m.CreatedAt || m.LastAccessed > now)
	})
	none(t, w.media, "text", func(m *gen.MediaFile) bool {
		return badText(m.Title) || len(m.Description) > 0 && badText(m.Description) || !utf8.Valid(m.OriginalName)
	})
	none(t, w.media, "uploaded when the owner was not there", func(m *gen.MediaFile) bool {
		owner := w.users[m.UserID-1]
		return m.CreatedAt < owner.CreatedAt || m.CreatedAt > owner.LastLoginAt || m.UpdatedAt > owner.LastLoginAt
	})
	portrait, pictures, described := 0, 0, 0
	for _, m := range w.media {
		if m.Width > 0 {
			pictures++
			if m.Height > m.Width {
				portrait++
			}
		}
		if len(m.Description) > 0 {
			described++
		}
	}
	if share := float64(portrait) / float64(pictures); share < 0.15 || share > 0.45 {
		t.Errorf("%.0f%% of pictures are portraits", 100*share)
	}
	if share := float64(described) / float64(len(w.media)); share < 0.5 || share > 0.6 {
		t.Errorf("%.0f%% of files have a description", 100*share)
	}
}

// badText tells whether text does not begin with an upper-case letter or a digit, or has something left in it that should have
// been filled in.
func badText(s []byte) bool {
	return len(s) < 2 || !utf8.Valid(s) || s[0] >= 'a' && s[0] <= 'z' || s[0] == ' ' || bytes.ContainsAny(s, "{}\x00") || bytes.Contains(s, []byte("  "))
}

// Longer videos and pictures with more pixels are larger.
func TestSizesGrowWithWhatIsInThem(t *testing.T) {
	w := devWorld(t)
	for _, mime := range []string{"image/jpeg", "image/png", "video/mp4", "video/avi"} {
		type file struct{ size, content int64 }
		var files []file
		for _, m := range w.media {
			if m.MIMEType == mime {
				content := int64(m.Width) * int64(m.Height)
				if m.Duration > 0 {
					content = int64(m.Duration)
				}
				files = append(files, file{m.Size, content})
			}
		}
		slices.SortFunc(files, func(a, b file) int { return int(a.size - b.size) })
		median := func(files []file) int64 {
			contents := make([]int64, len(files))
			for i, f := range files {
				contents[i] = f.content
			}
			slices.Sort(contents)
			return contents[len(contents)/2]
		}
		small, large := median(files[:len(files)/4]), median(files[len(files)*3/4:])
		if large*2 < small*3 {
			t.Errorf("%s: the median of the smallest quarter is %d, of the largest %d (pixels or seconds)", mime, small, large)
		}
	}
}

// Collections belong to users who were there, positions count from 1, no file is twice in one, and every file was
// visible to the owner of the collection.
func TestCollectionsArePlausible(t *testing.T) {
	w := devWorld(t)
	now := asOf.UnixMicro()
	none(t, w.collections, "made or changed when the owner was not there", func(c *gen.Collection) bool {
		owner := w.users[c.UserID-1]
		return c.CreatedAt < owner.CreatedAt || c.UpdatedAt < c.CreatedAt || c.UpdatedAt > owner.LastLoginAt
	})
	none(t, w.collections, "text", func(c *gen.Collection) bool {
		return badText(c.Name) || len(c.Description) > 0 && badText(c.Description)
	})

	type key struct{ collection, other int64 }
	files, positions, sizes := map[key]bool{}, map[key]bool{}, map[int64]int32{}
	none(t, w.items, "a file or a position twice", func(i *gen.CollectionItem) bool {
		file, position := key{i.CollectionID, i.MediaID}, key{i.CollectionID, int64(i.Position)}
		twice := files[file] || positions[position]
		files[file], positions[position] = true, true
		sizes[i.CollectionID]++
		return twice
	})
	none(t, w.items, "position", func(i *gen.CollectionItem) bool { return i.Position < 1 || i.Position > sizes[i.CollectionID] })
	none(t, w.items, "a file that the owner can't see", func(i *gen.CollectionItem) bool {
		m := w.media[i.MediaID-1]
		return !m.Public && m.UserID != w.collections[i.CollectionID-1].UserID
	})
	none(t, w.items, "added before there was something to add, or in future", func(i *gen.CollectionItem) bool {
		return i.AddedAt < w.media[i.MediaID-1].CreatedAt || i.AddedAt < w.collections[i.CollectionID-1].CreatedAt || i.AddedAt > now
	})
	own := 0
	for _, i := range w.items {
		if w.media[i.MediaID-1].UserID == w.collections[i.CollectionID-1].UserID {
			own++
		}
	}
	if share := float64(own) / float64(len(w.items)); share < 0.3 || share > 0.7 {
		t.Errorf("%.0f%% of items are the owner's own files", 100*share)
	}
}

// No file has a tag twice, and no tag says something wrong about the type of a file.
func TestTagsFitFiles(t *testing.T) {
	w := devWorld(t)
	names := map[string]bool{}
	lower := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	none(t, w.tags, "tag name", func(tag *gen.Tag) bool {
		twice := names[string(tag.Name)]
		names[string(tag.Name)] = true
		return twice || !lower.Match(tag.Name)
	})
	twice := map[gen.MediaTag]bool{}
	none(t, w.mediaTags, "a tag twice", func(mt *gen.MediaTag) bool {
		seen := twice[*mt]
		twice[*mt] = true
		return seen
	})
	only := map[string]string{"photo": "image/", "image": "image/", "sunset": "image/", "video": "video/", "tutorial": "video/", "document": "application/pdf", "invoice": "application/pdf"}
	none(t, w.mediaTags, "a tag of another type", func(mt *gen.MediaTag) bool {
		return !strings.HasPrefix(w.media[mt.MediaID-1].MIMEType, only[string(w.tags[mt.TagID-1].Name)])
	})
}

// Whatever the number of tags, no two have the same name.
func TestTagNamesAreUnique(t *testing.T) {
	p, err := dev()
	if err != nil {
		t.Fatal(err)
	}
	big := *p.profile
	big.Rows.Tags = 60_000
	d := open(t, &big, gen.Options{Seed: 1, AsOf: asOf})
	names := map[string]int64{}
	var tag gen.Tag
	for i := range big.Rows.Tags {
		d.Tag(i, &tag)
		if other, ok := names[string(tag.Name)]; ok {
			t.Fatalf("tags %d and %d are both called %s", other+1, i+1, tag.Name)
		}
		names[string(tag.Name)] = i
		if i < 2000 && regexp.MustCompile(`-[0-9]+$`).Match(tag.Name) {
			t.Errorf("tag %d is called %s: 2,000 names should do without numbers", i+1, tag.Name)
		}
	}
}

// A comment is written after the upload, by somebody who was there then; below a private file by its owner alone.
func TestCommentsArePlausible(t *testing.T) {
	w := devWorld(t)
	now := asOf.UnixMicro()
	none(t, w.comments, "not there", func(c *gen.Comment) bool {
		author := w.users[c.UserID-1]
		return c.CreatedAt < w.media[c.MediaID-1].CreatedAt || c.CreatedAt < author.CreatedAt || c.CreatedAt > author.LastLoginAt
	})
	none(t, w.comments, "times", func(c *gen.Comment) bool { return c.UpdatedAt < c.CreatedAt || c.UpdatedAt > now })
	none(t, w.comments, "below another user's private file", func(c *gen.Comment) bool {
		m := w.media[c.MediaID-1]
		return !m.Public && m.UserID != c.UserID
	})
	none(t, w.comments, "not a sentence", func(c *gen.Comment) bool { return badText(c.Body) || !bytes.ContainsAny(c.Body[len(c.Body)-1:], ".!?") })
	clock := regexp.MustCompile(`([0-9]+):([0-9]{2})`)
	none(t, w.comments, "a time that the video does not reach", func(c *gen.Comment) bool {
		at := clock.FindSubmatch(c.Body)
		if at == nil {
			return false
		}
		seconds := func(s []byte) (n int32) {
			for _, b := range s {
				n = n*10 + int32(b-'0')
			}
			return n
		}
		return 60*seconds(at[1])+seconds(at[2]) >= w.media[c.MediaID-1].Duration
	})
	bodies := map[string]int{}
	for _, c := range w.comments {
		bodies[string(c.Body)]++
	}
	if len(bodies) < len(w.comments)/6 {
		t.Errorf("%d comments have %d different texts", len(w.comments), len(bodies))
	}
}

// What the activity log tells of happened: files and comments exist, were visible, and the times agree.
func TestActivityIsPlausible(t *testing.T) {
	w := devWorld(t)
	type details struct {
		MediaID, CommentID int64
		IP, Query, Channel string
		Fields             []string
	}
	actions := map[string]int{}
	none(t, w.activity, "activity", func(a *gen.Activity) bool {
		actions[a.Action]++
		user := w.users[a.UserID-1]
		if a.Timestamp < user.CreatedAt || a.Timestamp > user.LastLoginAt {
			return true
		}
		if a.Action == "logout" {
			return len(a.Details) != 0
		}
		var d details
		dec := json.NewDecoder(bytes.NewReader(a.Details))
		if dec.Decode(&d) != nil {
			return true
		}
		var m gen.MediaFile
		if d.MediaID != 0 {
			m = w.media[d.MediaID-1]
			if a.Timestamp < m.CreatedAt || !m.Public && m.UserID != a.UserID {
				return true
			}
		}
		switch a.Action {
		case "login":
			return d.IP == ""
		case "search":
			return d.Query == ""
		case "upload":
			return m.UserID != a.UserID || m.CreatedAt != a.Timestamp
		case "update":
			return m.UserID != a.UserID || len(d.Fields) == 0
		case "comment":
			c := w.comments[d.CommentID-1]
			return c.UserID != a.UserID || c.MediaID != d.MediaID || c.CreatedAt != a.Timestamp
		case "share":
			return d.MediaID == 0 || d.Channel == ""
		case "view", "download":
			return d.MediaID == 0
		}
		return true
	})
	for _, action := range []string{"login", "logout", "view", "upload", "update", "comment", "share", "download", "search"} {
		if actions[action] < len(w.activity)/100 {
			t.Errorf("%d of %d actions are %s", actions[action], len(w.activity), action)
		}
	}
}

// A notification is read after it came and when its user was there; one that waits has not waited for long.
func TestNotificationsArePlausible(t *testing.T) {
	w := devWorld(t)
	now := asOf.UnixMicro()
	statuses, types := map[string]int{}, map[string]int{}
	none(t, w.notes, "notification", func(n *gen.Notification) bool {
		statuses[n.Status]++
		types[n.Type]++
		user := w.users[n.UserID-1]
		return (n.Status == "read") != (n.ReadAt != 0) ||
			n.CreatedAt < user.CreatedAt || n.CreatedAt > now ||
			n.ReadAt != 0 && (n.ReadAt < n.CreatedAt || n.ReadAt > user.LastLoginAt) ||
			n.Status == "queued" && n.CreatedAt < now-day ||
			badText(n.Message)
	})
	for _, s := range []string{"sent", "read", "failed"} {
		if statuses[s] == 0 {
			t.Errorf("no notification is %s", s)
		}
	}
	for _, s := range []string{"email", "push", "sms", "in_app"} {
		if types[s] == 0 {
			t.Errorf("no notification went by %s", s)
		}
	}
}

// JSON is written as PostgreSQL's jsonb writes it: shorter names first, a space after each colon and comma. So rows
// that are read back have the bytes that were loaded.
func TestJSONIsInTheFormOfJSONB(t *testing.T) {
	w := devWorld(t)
	member, unspaced := regexp.MustCompile(`"([A-Za-z]+)": `), regexp.MustCompile(`[,:][^ ]|  `)
	form := func(text []byte) bool {
		dec := json.NewDecoder(bytes.NewReader(text))
		var names []string
		var value map[string]any
		if dec.Decode(&value) != nil {
			return false
		}
		for _, part := range member.FindAllSubmatch(text, -1) {
			names = append(names, string(part[1]))
		}
		return len(names) == len(value) && slices.IsSortedFunc(names, func(a, b string) int {
			if len(a) != len(b) {
				return len(a) - len(b)
			}
			return strings.Compare(a, b)
		}) && !unspaced.Match(text)
	}
	none(t, w.users, "preferences", func(u *gen.User) bool { return !form(u.Preferences) })
	none(t, w.activity[:10_000], "details", func(a *gen.Activity) bool { return len(a.Details) > 0 && !form(a.Details) })
}
