package handler

import (
	"net/http"
	"time"
)

// heavyTimeout is what the calls that do much at once may take.
const heavyTimeout = 5 * time.Second

// Work returns the routes of the calls that make the server work: statistics, the search language, bulk calls,
// transactions, the content of files, and notifications beside them.
func (a *API) Work() []Route {
	const get, post, patch = http.MethodGet, http.MethodPost, http.MethodPatch
	return []Route{
		{Method: get, Path: prefix + "/analytics/media-statistics", Access: Member, Handle: a.mediaStatistics, Timeout: heavyTimeout},
		{Method: get, Path: prefix + "/search/advanced", Access: Optional, Handle: a.searchAdvanced},
		{Method: post, Path: prefix + "/bulk/operations", Access: Member, Handle: a.bulk, Timeout: heavyTimeout},
		{Method: post, Path: prefix + "/transactions/execute", Access: Member, Handle: a.executeTransaction, Timeout: heavyTimeout},
		{Method: get, Path: prefix + "/media/:id/content", Access: Optional, Handle: a.mediaContent},
		{Method: get, Path: prefix + "/media/:id/thumbnail", Access: Optional, Handle: a.mediaThumbnail},
		{Method: get, Path: prefix + "/notifications", Access: Member, Handle: a.listNotifications},
		{Method: patch, Path: prefix + "/notifications/:id", Access: Member, Handle: a.readNotification},
	}
}
