package handler

import (
	"net/http"
	"strconv"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// The services of MediaNest. The API is one itself, and the four others stand beside it on ports of their own.
const (
	ServiceAPI          = "api"
	ServiceAuth         = "auth"
	ServiceMedia        = "media"
	ServiceUser         = "user"
	ServiceNotification = "notification"
)

// Services lists the services by the order of their ports, from 3000.
func Services() []string {
	return []string{ServiceAPI, ServiceAuth, ServiceMedia, ServiceUser, ServiceNotification}
}

// Service returns the routes of a service; nil for a name that is none. All services take each other's
// tokens, as long as they are signed with one secret.
func (a *API) Service(name string) []Route {
	const get, post, put, patch = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch
	alive := []Route{
		{Method: get, Path: "/health", Access: Open, Handle: a.health},
		{Method: get, Path: "/ready", Access: Open, Handle: a.ready},
	}
	switch name {
	case ServiceAPI:
		return append(a.Core(), a.Work()...)
	case ServiceAuth:
		return append(alive,
			Route{Method: post, Path: "/api/auth/register", Access: Open, Handle: a.register},
			Route{Method: post, Path: "/api/auth/login", Access: Open, Handle: a.login},
			Route{Method: post, Path: "/api/auth/refresh", Access: Open, Handle: a.refresh},
			Route{Method: post, Path: "/api/auth/logout", Access: Member, Handle: a.logout},
			Route{Method: get, Path: "/api/auth/me", Access: Member, Handle: a.profile},
			Route{Method: get, Path: "/api/auth/verify", Access: Member, Handle: a.verifyToken},
		)
	case ServiceMedia:
		return append(alive,
			Route{Method: get, Path: "/api/media", Access: Optional, Handle: a.listMedia},
			Route{Method: get, Path: "/api/media/:id", Access: Optional, Handle: a.getMedia},
			Route{Method: get, Path: "/api/media/:id/content", Access: Optional, Handle: a.mediaContent},
			Route{Method: get, Path: "/api/media/:id/thumbnail", Access: Optional, Handle: a.mediaThumbnail},
			Route{Method: get, Path: "/api/media/user/:userId", Access: Optional, Handle: a.mediaOfUser},
		)
	case ServiceUser:
		return append(alive,
			Route{Method: get, Path: "/api/users/profile", Access: Member, Handle: a.profile},
			Route{Method: put, Path: "/api/users/profile", Access: Member, Handle: a.updateProfile},
			Route{Method: get, Path: "/api/users/profile/:id", Access: Optional, Handle: a.publicProfile},
		)
	case ServiceNotification:
		return append(alive,
			Route{Method: post, Path: "/api/notifications/send", Access: Open, Handle: a.sendNotification},
			Route{Method: get, Path: "/api/notifications", Access: Member, Handle: a.listNotifications},
			Route{Method: patch, Path: "/api/notifications/:id", Access: Member, Handle: a.readNotification},
		)
	}
	return nil
}

// verifyToken tells another service whom a token belongs to.
func (a *API) verifyToken(c *Call) error {
	return c.replyJSON(http.StatusOK, "data", map[string]any{
		"userId": c.identity.UserID, "email": c.identity.Email, "role": c.identity.Role,
		"expiresAt": c.identity.ExpiresAt.UTC().Format(time.RFC3339),
	})
}

// mediaOfUser lists the files of one owner that the caller sees, newest first.
func (a *API) mediaOfUser(c *Call) error {
	id, err := c.pathID("userId")
	if err != nil {
		return err
	}
	p := c.params()
	asked := p.page()
	if err := p.err(); err != nil {
		return err
	}
	q := mockapi.MediaQuery{PageRequest: asked, Sort: mockapi.SortNewest, OwnerID: id}
	page, err := a.store.ListMedia(c.Context(), c.viewer(), q)
	if err != nil {
		return err
	}
	return replyPage(c, "data", page, asked, appendMedia)
}

// publicProfile shows an account: all of it to itself and to admins, and to everybody else what a profile
// page shows.
func (a *API) publicProfile(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	u, err := a.store.User(c.Context(), id)
	if err != nil {
		return err
	}
	if v := c.viewer(); id == v.UserID || v.IsAdmin() {
		return replyOne(c, &u, appendUser)
	}
	return replyOne(c, &u, appendPublicUser)
}

func appendPublicUser(b []byte, u *mockapi.User) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, u.ID, 10)
	b = append(b, `,"name":`...)
	b = appendString(b, u.Name)
	b = append(b, `,"role":`...)
	b = appendString(b, string(u.Role))
	b = append(b, `,"createdAt":`...)
	b = appendTime(b, u.CreatedAt)
	return append(b, '}')
}
