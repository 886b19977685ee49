package handler

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"github.com/medianest/testbed/mockapi"
)

// listMedia lists the files that the caller sees.
func (a *API) listMedia(c *Call) error {
	p := c.params()
	q := p.mediaQuery()
	if err := p.err(); err != nil {
		return err
	}
	if q.All && !c.viewer().IsAdmin() {
		return mockapi.Errorf(mockapi.CodeAccessDenied, "all=true is for admins")
	}
	page, err := a.store.ListMedia(c.Context(), c.viewer(), q)
	if err != nil {
		return err
	}
	return replyPage(c, "data", page, q.PageRequest, appendMedia)
}

// mediaQuery reads the filters and the order of a list of media files.
func (p *params) mediaQuery() mockapi.MediaQuery {
	q := mockapi.MediaQuery{
		PageRequest:   p.page(),
		Sort:          mockapi.SortNewest,
		OwnerID:       p.id("userId"),
		Type:          strings.ToLower(p.text("type", mockapi.MaxMimeType)),
		Tag:           strings.ToLower(p.text("tag", mockapi.MaxTag)),
		CollectionID:  p.id("collectionId"),
		Public:        p.bool("isPublic"),
		MinSize:       p.int("minSize", 0, math.MaxInt64, 0),
		MaxSize:       p.int("maxSize", 1, math.MaxInt64, 0),
		CreatedAfter:  p.time("createdAfter"),
		CreatedBefore: p.time("createdBefore"),
	}
	if all := p.bool("all"); all != nil {
		q.All = *all
	}
	if s, ok := p.get("sort"); ok {
		switch q.Sort = mockapi.MediaSort(s); q.Sort {
		case mockapi.SortNewest, mockapi.SortOldest, mockapi.SortLargest, mockapi.SortSmallest,
			mockapi.SortMostViewed, mockapi.SortLeastViewed:
		default:
			p.add("sort", "is %.40q, want createdAt, size or viewCount, with a leading - for descending", s)
		}
	}
	return q
}

// getMedia shows one file.
func (a *API) getMedia(c *Call) error {
	m, err := a.visibleMedia(c)
	if err != nil {
		return err
	}
	source, err := a.source(c)
	if err != nil {
		return err
	}
	return replyOne(c, &m, source.appendMediaDetail)
}

// updateMedia changes what is given.
func (a *API) updateMedia(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	var in mediaChange
	if err := c.readJSON(&in); err != nil {
		return err
	}
	up, err := in.read()
	if err != nil {
		return err
	}
	m, err := a.store.UpdateMedia(c.Context(), c.viewer(), id, up)
	if err != nil {
		return err
	}
	return replyOne(c, &m, appendMedia)
}

// deleteMedia deletes one file.
func (a *API) deleteMedia(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	if err := a.store.DeleteMedia(c.Context(), c.viewer(), id); err != nil {
		return err
	}
	return replyDone(c)
}

// filename checks the name of a file: no folders, no control characters.
func (p *problems) filename(field, s string) {
	before := len(*p)
	p.text(field, s, 1, mockapi.MaxFilename)
	if len(*p) > before {
		return
	}
	if !mockapi.IsPlainFilename(s) {
		p.add(field, "is not a plain file name")
	}
}

func appendMedia(b []byte, m *mockapi.Media) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, m.ID, 10)
	b = append(b, `,"userId":`...)
	b = strconv.AppendInt(b, m.UserID, 10)
	b = append(b, `,"filename":`...)
	b = appendString(b, m.Filename)
	b = append(b, `,"originalName":`...)
	b = appendString(b, m.OriginalName)
	b = append(b, `,"title":`...)
	b = appendString(b, m.Title)
	b = append(b, `,"description":`...)
	b = appendOptionalString(b, m.Description)
	b = append(b, `,"mimeType":`...)
	b = appendString(b, m.MimeType)
	b = append(b, `,"size":`...)
	b = strconv.AppendInt(b, m.Size, 10)
	b = append(b, `,"width":`...)
	b = appendOptionalInt(b, m.Width)
	b = append(b, `,"height":`...)
	b = appendOptionalInt(b, m.Height)
	b = append(b, `,"duration":`...)
	b = appendOptionalInt(b, m.Duration)
	b = append(b, `,"viewCount":`...)
	b = strconv.AppendInt(b, m.ViewCount, 10)
	b = append(b, `,"isPublic":`...)
	b = strconv.AppendBool(b, m.IsPublic)
	if m.SHA256 != nil {
		b = append(b, `,"sha256":"`...)
		b = hex.AppendEncode(b, m.SHA256)
		b = append(b, '"')
	}
	b = append(b, `,"createdAt":`...)
	b = appendTime(b, m.CreatedAt)
	b = append(b, `,"updatedAt":`...)
	b = appendTime(b, m.UpdatedAt)
	b = append(b, `,"lastAccessed":`...)
	b = appendOptionalTime(b, m.LastAccessed)
	return append(b, '}')
}
