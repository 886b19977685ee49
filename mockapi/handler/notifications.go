package handler

import (
	"slices"
	"strconv"

	"github.com/medianest/testbed/mockapi"
)

var notificationTypes = []string{"email", "push", "sms", "in_app"}

// sendNotification stores a message to a user. It is answered with 200, which is what callers of MediaNest's
// notification service expect, and without a token, since services call it.
func (a *API) sendNotification(c *Call) error {
	var in struct {
		UserID  int64  `json:"userId"`
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	var p problems
	if in.UserID <= 0 {
		p.add("userId", "is missing or not an id")
	}
	if !slices.Contains(notificationTypes, in.Type) {
		p.add("type", "is %.40q, want one of %v", in.Type, notificationTypes)
	}
	p.text("message", in.Message, 1, mockapi.MaxMessage)
	if err := p.err(); err != nil {
		return err
	}
	n, err := a.store.CreateNotification(c.Context(), mockapi.NewNotification{UserID: in.UserID, Type: in.Type, Message: in.Message})
	if err != nil {
		return err
	}
	return replyOne(c, &n, appendNotification)
}

// listNotifications lists the caller's messages.
func (a *API) listNotifications(c *Call) error {
	p := c.params()
	asked := p.page()
	if err := p.err(); err != nil {
		return err
	}
	page, err := a.store.Notifications(c.Context(), c.viewer().UserID, asked)
	if err != nil {
		return err
	}
	return replyPage(c, "data", page, asked, appendNotification)
}

// readNotification marks one of the caller's messages as read.
func (a *API) readNotification(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	n, err := a.store.ReadNotification(c.Context(), c.viewer().UserID, id)
	if err != nil {
		return err
	}
	return replyOne(c, &n, appendNotification)
}

func appendNotification(b []byte, n *mockapi.Notification) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, n.ID, 10)
	b = append(b, `,"userId":`...)
	b = strconv.AppendInt(b, n.UserID, 10)
	b = append(b, `,"type":`...)
	b = appendString(b, n.Type)
	b = append(b, `,"message":`...)
	b = appendString(b, n.Message)
	b = append(b, `,"status":`...)
	b = appendString(b, n.Status)
	b = append(b, `,"createdAt":`...)
	b = appendTime(b, n.CreatedAt)
	b = append(b, `,"readAt":`...)
	b = appendOptionalTime(b, n.ReadAt)
	return append(b, '}')
}
