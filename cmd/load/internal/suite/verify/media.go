package verify

import (
	"fmt"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/medianest/testbed/schema"
)

// Media holds the page of one file against its row.
func (v *Verifier) Media(a *Answer, id int64) bool {
	return v.holdJSON(a, func(c *check) {
		data := c.body.Get("data")
		c.number("data.id", data.Get("id"), id)
		c.mediaFile("data", data)
	})
}

// mediaFile compares a file with the row that its id names, if that is a seeded one.
func (c *check) mediaFile(path string, got gjson.Result) {
	i, seeded := c.index(schema.MediaFiles, got.Get("id").Int())
	if !seeded {
		return
	}
	m := &c.media
	c.data.MediaFile(i, m)
	c.number(path+".userId", got.Get("userId"), m.UserID)
	c.text(path+".originalName", got.Get("originalName"), string(m.OriginalName))
	c.text(path+".mimeType", got.Get("mimeType"), m.MIMEType)
	c.number(path+".size", got.Get("size"), m.Size)
	c.optional(path+".width", got.Get("width"), int64(m.Width))
	c.optional(path+".height", got.Get("height"), int64(m.Height))
	c.optional(path+".duration", got.Get("duration"), int64(m.Duration))
	c.atLeast(path+".viewCount", got.Get("viewCount"), m.ViewCount)
	c.instant(path+".createdAt", got.Get("createdAt"), m.CreatedAt)
	if c.changed(path+".updatedAt", got.Get("updatedAt"), m.UpdatedAt) {
		return
	}
	c.text(path+".filename", got.Get("filename"), string(m.Filename))
	c.text(path+".title", got.Get("title"), string(m.Title))
	c.optionalText(path+".description", got.Get("description"), m.Description)
	c.boolean(path+".isPublic", got.Get("isPublic"), m.Public)
	if m.Public {
		return
	}
	if may, viewer := c.maySee(m.UserID); !may {
		c.differs(path, "a file that "+viewer+" may see", fmt.Sprintf("private file %d of user %d", m.ID, m.UserID))
	}
}

// List says what a list of files promises.
type List struct {
	// Key is where the list is: data or results.
	Key string
	// Limit is the size of a page; 0 means 20.
	Limit int
	// First tells that it is the first page.
	First bool
	// Sort is the order as the API calls it; "" is -createdAt.
	Sort string
	// Owner is the index of the user whose files were asked for, -1 for everybody's.
	Owner int64
	// Plain tells that nothing was filtered: everybody's public files are in the list.
	Plain bool
	// MayPause tells that it is a search which may stop before a page is full, as one does that finds little among the
	// many files that tests have made, and says by a nextCursor that it goes on.
	MayPause bool
}

// DefaultLimit is the size of a page where none is asked for.
const DefaultLimit = 20

// MediaList holds a page of a list of files against their rows, and against what the list promises: its order,
// that no file comes twice, and that none is missing.
func (v *Verifier) MediaList(a *Answer, l List) bool {
	return v.holdJSON(a, func(c *check) {
		items := c.list(l.Key)
		if items == nil {
			return
		}
		seen := make(map[int64]bool, len(items))
		field, falling := sortField(l.Sort)
		var before int64
		var beforeSet bool
		for i, item := range items {
			path := fmt.Sprintf("%s.%d", l.Key, i)
			id := item.Get("id").Int()
			if seen[id] {
				c.differs(path+".id", "a file that is not in the list yet", strconv.FormatInt(id, 10))
			}
			seen[id] = true
			c.mediaFile(path, item)
			if l.Owner >= 0 {
				c.number(path+".userId", item.Get("userId"), l.Owner+c.first[schema.Users.Name])
			}
			value, ok := sortValue(item.Get(field))
			if !ok {
				c.differs(path+"."+field, "a value to sort by", raw(item.Get(field)))
				continue
			}
			if beforeSet && (falling && value > before || !falling && value < before) {
				c.differs(path+"."+field, "in the order of "+orNewest(l.Sort), raw(item.Get(field)))
			}
			before, beforeSet = value, true
		}
		least := int64(0)
		if l.Plain && l.First {
			least = c.data.PublicMediaCount()
		}
		if !l.MayPause || !c.paused(len(items)) {
			c.complete(l.Key, len(items), l.Limit, l.First, least)
		}
		if l.Owner >= 0 && l.First && (l.Sort == "" || l.Sort == newest) {
			c.noneMissing(l, items)
		}
	})
}

const newest = "-createdAt"

func orNewest(sort string) string {
	if sort == "" {
		return newest
	}
	return sort
}

func sortField(sort string) (field string, falling bool) {
	sort = orNewest(sort)
	if sort[0] == '-' {
		return sort[1:], true
	}
	return sort, false
}

func sortValue(r gjson.Result) (int64, bool) {
	if r.Type == gjson.Number {
		return r.Int(), true
	}
	return milliseconds(r)
}

// list returns the elements of a list, nil where it is none.
func (c *check) list(key string) []gjson.Result {
	l := c.body.Get(key)
	if !l.IsArray() {
		c.differs(key, "a list", raw(l))
		return nil
	}
	items := l.Array()
	if items == nil {
		items = []gjson.Result{}
	}
	return items
}

// paused tells whether the page is that of a search which stopped before it was full: there is a cursor that goes on, and
// the files on it are all that were counted.
func (c *check) paused(n int) bool {
	p := c.body.Get("meta.pagination")
	return p.Get("hasNext").Bool() && p.Get("nextCursor").Str != "" && p.Get("total").Int() == int64(n)
}

// complete checks that a page is as long as it must be: whole unless it is the last, and the first one holds
// the least that is known to be there.
func (c *check) complete(key string, n, limit int, first bool, least int64) {
	if limit == 0 {
		limit = DefaultLimit
	}
	p := c.body.Get("meta.pagination")
	if p.Get("hasNext").Bool() {
		least = int64(limit)
	} else if first {
		least = max(least, p.Get("total").Int())
	}
	if least = min(least, int64(limit)); int64(n) < least || n > limit {
		c.differs(key, fmt.Sprintf("%d to %d elements", least, limit), fmt.Sprintf("%d elements", n))
	}
}

// noneMissing checks that the first page of a user's files, newest first, holds the newest seeded ones that
// the viewer sees there, whatever was uploaded since: an admin too sees only public ones of somebody else's.
func (c *check) noneMissing(l List, items []gjson.Result) {
	limit := l.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	listed := func(i int64) bool {
		c.data.MediaFile(i, &c.media)
		return c.media.Public || l.Owner == c.answer.Viewer
	}
	var want, got []int64
	for nth := c.data.MediaCount(l.Owner) - 1; nth >= 0 && len(want) < limit; nth-- {
		if listed(c.data.MediaOf(l.Owner, nth)) {
			want = append(want, c.media.ID)
		}
	}
	for _, item := range items { // what was made visible since is not held against anything
		if i, seeded := c.index(schema.MediaFiles, item.Get("id").Int()); seeded && listed(i) {
			got = append(got, c.media.ID)
		}
	}
	for n, id := range got {
		if n >= len(want) || id != want[n] {
			c.differs(l.Key, fmt.Sprintf("seeded files %v", want), fmt.Sprint(got))
			return
		}
	}
	if len(items) < limit && len(got) < len(want) {
		c.differs(l.Key, fmt.Sprintf("file %d in it", want[len(got)]), fmt.Sprintf("%d elements without it", len(items)))
	}
}

// Upload is what was sent to make a file.
type Upload struct {
	Filename, MIMEType string
	Size               int64
}

// Uploaded holds the answer to an upload against what was sent: it must be a new file of the viewer's.
func (v *Verifier) Uploaded(a *Answer, u Upload) bool {
	return v.holdJSON(a, func(c *check) {
		data := c.body.Get("data")
		id := c.body.Get("id")
		if _, seeded := c.index(schema.MediaFiles, id.Int()); seeded || id.Int() <= 0 {
			c.differs("id", "that of a new file", raw(id))
		}
		c.number("data.id", data.Get("id"), id.Int())
		c.text("data.filename", data.Get("filename"), u.Filename)
		c.text("data.mimeType", data.Get("mimeType"), u.MIMEType)
		c.number("data.size", data.Get("size"), u.Size)
		c.viewers("data.userId", data.Get("userId"))
	})
}

// viewers checks that something belongs to who asked.
func (c *check) viewers(path string, got gjson.Result) {
	if c.answer.Viewer >= 0 {
		c.number(path, got, c.answer.Viewer+c.first[schema.Users.Name])
	}
}
