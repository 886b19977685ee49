package handler

import (
	"net/http"
	"time"
)

// Access says who may call a route.
type Access int

// The kinds of access.
const (
	// Open routes do not look at tokens at all.
	Open Access = iota
	// Optional routes show an anonymous caller what is public; a token that is there must be good.
	Optional
	// Member routes want a token.
	Member
	// Admin routes want the token of an admin.
	Admin
)

// String returns the word for the access.
func (a Access) String() string {
	return [...]string{"open", "optional", "member", "admin"}[a]
}

// HandlerFunc answers one call, or returns the error that is to be answered.
type HandlerFunc func(*Call) error

// Route is one line of the API's table.
type Route struct {
	Method string
	Path   string // in gin's notation: /media/:id
	Access Access
	Handle HandlerFunc
	// Timeout replaces Options.RequestTimeout where it is not zero.
	Timeout time.Duration
}

// prefix is where version 1 of the API lives.
const prefix = "/api/v1"

// Core returns the routes that every MediaNest has: health, accounts, media files, collections, search.
func (a *API) Core() []Route {
	const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	return []Route{
		{Method: get, Path: "/health", Access: Open, Handle: a.health},
		{Method: get, Path: "/ready", Access: Open, Handle: a.ready},

		{Method: post, Path: prefix + "/auth/register", Access: Open, Handle: a.register},
		{Method: post, Path: prefix + "/auth/login", Access: Open, Handle: a.login},
		{Method: post, Path: prefix + "/auth/refresh", Access: Open, Handle: a.refresh},
		{Method: post, Path: prefix + "/auth/logout", Access: Member, Handle: a.logout},
		{Method: get, Path: prefix + "/auth/me", Access: Member, Handle: a.profile},

		{Method: get, Path: prefix + "/media", Access: Optional, Handle: a.listMedia},
		{Method: post, Path: prefix + "/media/upload", Access: Member, Handle: a.uploadMedia},
		{Method: get, Path: prefix + "/media/:id", Access: Optional, Handle: a.getMedia},
		{Method: patch, Path: prefix + "/media/:id", Access: Member, Handle: a.updateMedia},
		{Method: del, Path: prefix + "/media/:id", Access: Member, Handle: a.deleteMedia},

		{Method: get, Path: prefix + "/media/:id/tags", Access: Optional, Handle: a.mediaTags},
		{Method: post, Path: prefix + "/media/:id/tags", Access: Member, Handle: a.addMediaTags},
		{Method: del, Path: prefix + "/media/:id/tags/:name", Access: Member, Handle: a.removeMediaTag},
		{Method: get, Path: prefix + "/media/:id/comments", Access: Optional, Handle: a.listComments},
		{Method: post, Path: prefix + "/media/:id/comments", Access: Member, Handle: a.addComment},
		{Method: del, Path: prefix + "/media/:id/comments/:commentId", Access: Member, Handle: a.deleteComment},

		{Method: get, Path: prefix + "/collections", Access: Optional, Handle: a.listCollections},
		{Method: post, Path: prefix + "/collections", Access: Member, Handle: a.createCollection},
		{Method: get, Path: prefix + "/collections/:id", Access: Optional, Handle: a.getCollection},
		{Method: patch, Path: prefix + "/collections/:id", Access: Member, Handle: a.updateCollection},
		{Method: del, Path: prefix + "/collections/:id", Access: Member, Handle: a.deleteCollection},
		{Method: get, Path: prefix + "/collections/:id/items", Access: Optional, Handle: a.collectionItems},
		{Method: post, Path: prefix + "/collections/:id/items", Access: Member, Handle: a.addCollectionItems},
		{Method: del, Path: prefix + "/collections/:id/items/:mediaId", Access: Member, Handle: a.removeCollectionItem},

		{Method: get, Path: prefix + "/search", Access: Optional, Handle: a.search},
		{Method: get, Path: prefix + "/tags", Access: Open, Handle: a.listTags},

		{Method: get, Path: prefix + "/user/profile", Access: Member, Handle: a.profile},
		{Method: put, Path: prefix + "/user/profile", Access: Member, Handle: a.updateProfile},
		{Method: patch, Path: prefix + "/user/profile", Access: Member, Handle: a.updateProfile},
		{Method: get, Path: prefix + "/users", Access: Admin, Handle: a.listUsers},
		{Method: get, Path: prefix + "/users/:id", Access: Member, Handle: a.getUser},
	}
}
