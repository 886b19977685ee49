package verify

import (
	"fmt"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/medianest/testbed/schema"
)

// CollectionList holds a page of the list of collections, newest first, against their rows.
func (v *Verifier) CollectionList(a *Answer, l List) bool {
	return v.holdJSON(a, func(c *check) {
		items := c.list(l.Key)
		var before int64
		for i, item := range items {
			path := fmt.Sprintf("%s.%d", l.Key, i)
			c.collectionRow(path, item)
			at, ok := milliseconds(item.Get("createdAt"))
			if !ok || i > 0 && at > before {
				c.differs(path+".createdAt", "in the order of "+newest, raw(item.Get("createdAt")))
			}
			before = at
		}
		c.complete(l.Key, len(items), l.Limit, l.First, 0)
	})
}

// collectionRow compares a collection with the row that its id names, if that is a seeded one.
func (c *check) collectionRow(path string, got gjson.Result) {
	i, seeded := c.index(schema.Collections, got.Get("id").Int())
	if !seeded {
		return
	}
	col := &c.collection
	c.data.Collection(i, col)
	c.number(path+".userId", got.Get("userId"), col.UserID)
	c.instant(path+".createdAt", got.Get("createdAt"), col.CreatedAt)
	if c.changed(path+".updatedAt", got.Get("updatedAt"), col.UpdatedAt) {
		return
	}
	c.text(path+".name", got.Get("name"), string(col.Name))
	c.optionalText(path+".description", got.Get("description"), col.Description)
	c.boolean(path+".isPublic", got.Get("isPublic"), col.Public)
	c.number(path+".itemCount", got.Get("itemCount"), c.data.ItemCount(i))
	if may, viewer := c.maySee(col.UserID); !col.Public && !may {
		c.differs(path, "a collection that "+viewer+" may see", fmt.Sprintf("private collection %d of user %d", col.ID, col.UserID))
	}
}

// Collection holds the page of one collection, with the first of its items, against the rows.
func (v *Verifier) Collection(a *Answer, id int64) bool {
	return v.holdJSON(a, func(c *check) {
		data := c.body.Get("data")
		c.number("data.id", data.Get("id"), id)
		c.collectionRow("data", data)
		i, seeded := c.index(schema.Collections, id)
		items := c.list("data.items")
		for n, item := range items {
			path := fmt.Sprintf("data.items.%d", n)
			c.mediaFile(path+".media", item.Get("media"))
			position := item.Get("position").Int()
			if !seeded || position < 1 || position > c.data.ItemCount(i) {
				continue
			}
			at := c.data.ItemOf(i, position)
			c.number(path+".media.id", item.Get("media.id"), at+c.first[schema.MediaFiles.Name])
		}
		c.complete("data.items", len(items), 0, true, 0)
	})
}

// CollectionMade holds the answer to a new collection against what was sent.
func (v *Verifier) CollectionMade(a *Answer, name string) bool {
	return v.holdJSON(a, func(c *check) {
		data := c.body.Get("data")
		if _, seeded := c.index(schema.Collections, data.Get("id").Int()); seeded {
			c.differs("data.id", "that of a new collection", raw(data.Get("id")))
		}
		c.text("data.name", data.Get("name"), name)
		c.viewers("data.userId", data.Get("userId"))
	})
}

// Tags holds the tags of a file against its rows. Tags that were added since are no fault.
func (v *Verifier) Tags(a *Answer, id int64) bool {
	return v.holdJSON(a, func(c *check) {
		var names []string
		for _, item := range c.list("data") {
			names = append(names, item.Get("name").Str)
		}
		if !slices.IsSorted(names) {
			c.differs("data", "sorted by name", fmt.Sprintf("%q", names))
		}
		i, seeded := c.index(schema.MediaFiles, id)
		if !seeded {
			return
		}
		for n := range c.data.TagCount(i) {
			c.data.Tag(c.data.TagOf(i, n), &c.tag)
			if !slices.Contains(names, string(c.tag.Name)) {
				c.differs("data", fmt.Sprintf("tag %q in it", c.tag.Name), fmt.Sprintf("%q", names))
			}
		}
	})
}

// Comments holds the first page of a file's comments, newest first, against their rows.
func (v *Verifier) Comments(a *Answer, id int64) bool {
	return v.holdJSON(a, func(c *check) {
		items := c.list("data")
		var before int64
		seen := make(map[int64]bool, len(items))
		for n, item := range items {
			path := fmt.Sprintf("data.%d", n)
			c.number(path+".mediaId", item.Get("mediaId"), id)
			at, ok := milliseconds(item.Get("createdAt"))
			if !ok || n > 0 && at > before {
				c.differs(path+".createdAt", "in the order of "+newest, raw(item.Get("createdAt")))
			}
			before = at
			i, seeded := c.index(schema.Comments, item.Get("id").Int())
			if !seeded {
				continue
			}
			seen[i] = true
			c.commentRow(path, item, i)
			if c.comment.MediaID != id {
				c.differs(path+".id", fmt.Sprintf("a comment on file %d", id), fmt.Sprintf("comment %d on file %d", c.comment.ID, c.comment.MediaID))
			}
		}
		i, seeded := c.index(schema.MediaFiles, id)
		if !seeded {
			return
		}
		count := c.data.CommentCount(i)
		c.complete("data", len(items), 0, true, count)
		if len(items) < DefaultLimit {
			for n := range count {
				if j := c.data.CommentOf(i, n); !seen[j] {
					c.differs("data", fmt.Sprintf("comment %d in it", j+c.first[schema.Comments.Name]), fmt.Sprintf("%d elements without it", len(items)))
				}
			}
		}
	})
}

func (c *check) commentRow(path string, got gjson.Result, i int64) {
	comment := &c.comment
	c.data.Comment(i, comment)
	c.number(path+".userId", got.Get("userId"), comment.UserID)
	c.instant(path+".createdAt", got.Get("createdAt"), comment.CreatedAt)
	if !c.changed(path+".updatedAt", got.Get("updatedAt"), comment.UpdatedAt) {
		c.text(path+".body", got.Get("body"), string(comment.Body))
	}
	if author, seeded := c.index(schema.Users, comment.UserID); seeded {
		c.data.User(author, &c.user)
		c.text(path+".authorName", got.Get("authorName"), string(c.user.Name))
	}
}
