package handler

import (
	"strconv"

	"github.com/medianest/testbed/mockapi"
)

// listComments lists the comments of a file, newest first.
func (a *API) listComments(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	p := c.params()
	asked := p.page()
	if err := p.err(); err != nil {
		return err
	}
	page, err := a.store.Comments(c.Context(), c.viewer(), id, asked)
	if err != nil {
		return err
	}
	return replyPage(c, "data", page, asked, appendComment)
}

// addComment adds the caller's comment to a file that he sees.
func (a *API) addComment(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	var in struct {
		Body string `json:"body"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	var p problems
	p.text("body", in.Body, 1, mockapi.MaxComment)
	if err := p.err(); err != nil {
		return err
	}
	comment, err := a.store.AddComment(c.Context(), c.viewer(), id, in.Body)
	if err != nil {
		return err
	}
	return replyCreated(c, comment.ID, &comment, appendComment)
}

// deleteComment deletes the caller's own comment, or any for moderators and admins.
func (a *API) deleteComment(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	commentID, err := c.pathID("commentId")
	if err != nil {
		return err
	}
	if err := a.store.DeleteComment(c.Context(), c.viewer(), id, commentID); err != nil {
		return err
	}
	return replyDone(c)
}

func appendComment(b []byte, v *mockapi.Comment) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, v.ID, 10)
	b = append(b, `,"mediaId":`...)
	b = strconv.AppendInt(b, v.MediaID, 10)
	b = append(b, `,"userId":`...)
	b = strconv.AppendInt(b, v.UserID, 10)
	b = append(b, `,"authorName":`...)
	b = appendString(b, v.AuthorName)
	b = append(b, `,"body":`...)
	b = appendString(b, v.Body)
	b = append(b, `,"createdAt":`...)
	b = appendTime(b, v.CreatedAt)
	b = append(b, `,"updatedAt":`...)
	b = appendTime(b, v.UpdatedAt)
	return append(b, '}')
}
