package handler

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/medianest/testbed/mockapi"
)

// listTags lists all tags by name, those that start with prefix where it is given.
func (a *API) listTags(c *Call) error {
	p := c.params()
	asked := p.page()
	prefix := strings.ToLower(p.text("prefix", mockapi.MaxTag))
	if err := p.err(); err != nil {
		return err
	}
	page, err := a.store.Tags(c.Context(), prefix, asked)
	if err != nil {
		return err
	}
	return replyPage(c, "data", page, asked, appendTag)
}

// mediaTags lists the tags of a file.
func (a *API) mediaTags(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	tags, err := a.store.MediaTags(c.Context(), c.viewer(), id)
	if err != nil {
		return err
	}
	return replyList(c, tags, appendTag)
}

// addMediaTags adds tags by name and answers with all tags that the file has then.
func (a *API) addMediaTags(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	var in struct {
		Tags []string `json:"tags"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	var p problems
	if len(in.Tags) == 0 || len(in.Tags) > mockapi.MaxTags {
		p.add("tags", "has %d names, want 1 to %d", len(in.Tags), mockapi.MaxTags)
	} else {
		for i := range in.Tags {
			in.Tags[i] = normalTag(in.Tags[i])
			p.text(fmt.Sprintf("tags[%d]", i), in.Tags[i], 1, mockapi.MaxTag)
		}
	}
	if err := p.err(); err != nil {
		return err
	}
	tags, err := a.store.AddMediaTags(c.Context(), c.viewer(), id, in.Tags)
	if err != nil {
		return err
	}
	return replyList(c, tags, appendTag)
}

// removeMediaTag takes one tag off a file.
func (a *API) removeMediaTag(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	name := normalTag(c.gin.Param("name"))
	var p problems
	p.text("name", name, 1, mockapi.MaxTag)
	if err := p.err(); err != nil {
		return err
	}
	if err := a.store.RemoveMediaTag(c.Context(), c.viewer(), id, name); err != nil {
		return err
	}
	return replyDone(c)
}

func normalTag(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func appendTag(b []byte, t *mockapi.Tag) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, t.ID, 10)
	b = append(b, `,"name":`...)
	b = appendString(b, t.Name)
	return append(b, '}')
}
