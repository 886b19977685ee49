package mockapi

import (
	"context"
	"encoding/json"
	"time"
)

// Store keeps the library. Every method answers with an *Error where a client is to see more than
// INTERNAL_ERROR: NOT_FOUND for rows that are not there, ACCESS_DENIED for what the viewer may not see or
// change, DUPLICATE_RESOURCE for taken unique values, SERVICE_UNAVAILABLE while the database is away or its
// answer does not come within the context's deadline.
type Store interface {
	UserStore
	SessionStore
	MediaStore
	CollectionStore
	AnalyticsStore
	BulkStore
	TransactionStore
	NotificationStore
	AdvancedSearchStore
	// Ready tells within the context's deadline whether the database answers.
	Ready(ctx context.Context) error
	// Dataset returns what the seeder recorded, NOT_FOUND for a database that was never seeded.
	Dataset(ctx context.Context) (Dataset, error)
}

// UserStore keeps accounts.
type UserStore interface {
	// CredentialsByEmail finds an account by its lower-case e-mail address.
	CredentialsByEmail(ctx context.Context, email string) (Credentials, error)
	// User finds an account by id.
	User(ctx context.Context, id int64) (User, error)
	// CreateUser adds an account with role user.
	CreateUser(ctx context.Context, u NewUser) (User, error)
	// UpdateUser changes what is not nil; preferences are merged key by key, as jsonb || does.
	UpdateUser(ctx context.Context, id int64, u UserUpdate) (User, error)
	// Users lists accounts by id, for admins.
	Users(ctx context.Context, p PageRequest) (Page[User], error)
}

// NewUser is what CreateUser needs.
type NewUser struct {
	Email        string // lower case
	Name         string
	PasswordHash string
}

// UserUpdate names the changes of UpdateUser; nil leaves a column as it is.
type UserUpdate struct {
	Name        *string
	Preferences json.RawMessage
}

// Session is one login. Its row exists only once it has been refreshed or revoked.
type Session struct {
	ID         [16]byte
	UserID     int64
	Generation int32 // refreshes so far
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// SessionStore keeps what stateless tokens can't: that one has been used up or revoked.
type SessionStore interface {
	// RefreshSession moves a session from its generation to the next, once: INVALID_TOKEN where that
	// generation has been refreshed before or the session is revoked.
	RefreshSession(ctx context.Context, s Session) error
	// RevokeSession ends a session; revoking twice is no error.
	RevokeSession(ctx context.Context, s Session) error
	// SessionRevoked tells whether a session was revoked. It costs nothing for sessions that never were
	// (a filter in memory answers), and a look-up in the database for the rest.
	SessionRevoked(ctx context.Context, id [16]byte) (bool, error)
}

// MediaStore keeps media files, their tags and comments.
type MediaStore interface {
	// ListMedia lists what the viewer sees: public files and the viewer's own; everything for an admin who asks with All.
	ListMedia(ctx context.Context, v Viewer, q MediaQuery) (Page[Media], error)
	// Media returns one file: NOT_FOUND, or ACCESS_DENIED for another user's private one.
	Media(ctx context.Context, v Viewer, id int64) (Media, error)
	// CreateMedia adds a file of the viewer's.
	CreateMedia(ctx context.Context, v Viewer, m NewMedia) (Media, error)
	// UpdateMedia changes a file that the viewer owns or, as an admin, any.
	UpdateMedia(ctx context.Context, v Viewer, id int64, m MediaUpdate) (Media, error)
	// DeleteMedia deletes a file that the viewer owns or, as an admin, any.
	DeleteMedia(ctx context.Context, v Viewer, id int64) error
	// SearchMedia finds visible files by a plain text, newest first: each word is part of the file name or title, or
	// the whole text is the name of a tag.
	SearchMedia(ctx context.Context, v Viewer, text string, p PageRequest) (Page[Media], error)

	// MediaTags lists the tags of a visible file by name.
	MediaTags(ctx context.Context, v Viewer, mediaID int64) ([]Tag, error)
	// AddMediaTags adds tags by name, made where they are new, to a file that the viewer may change, and returns all its tags.
	AddMediaTags(ctx context.Context, v Viewer, mediaID int64, names []string) ([]Tag, error)
	// RemoveMediaTag removes one tag by name; NOT_FOUND where the file does not have it.
	RemoveMediaTag(ctx context.Context, v Viewer, mediaID int64, name string) error

	// Comments lists the comments of a visible file, newest first.
	Comments(ctx context.Context, v Viewer, mediaID int64, p PageRequest) (Page[Comment], error)
	// AddComment adds the viewer's comment to a visible file.
	AddComment(ctx context.Context, v Viewer, mediaID int64, body string) (Comment, error)
	// DeleteComment deletes a comment that the viewer wrote, or any as a moderator or admin.
	DeleteComment(ctx context.Context, v Viewer, mediaID, commentID int64) error

	// Tags lists tags by name, those that start with prefix where it is not empty.
	Tags(ctx context.Context, prefix string, p PageRequest) (Page[Tag], error)
}

// CollectionStore keeps collections and their items.
type CollectionStore interface {
	// ListCollections lists what the viewer sees: public collections and the viewer's own, newest first.
	ListCollections(ctx context.Context, v Viewer, q CollectionQuery) (Page[Collection], error)
	// Collection returns one collection: NOT_FOUND, or ACCESS_DENIED for another user's private one.
	Collection(ctx context.Context, v Viewer, id int64) (Collection, error)
	// CollectionItems lists a visible collection's items that the viewer may see, by position.
	CollectionItems(ctx context.Context, v Viewer, id int64, p PageRequest) (Page[CollectionItem], error)
	CreateCollection(ctx context.Context, v Viewer, c NewCollection) (Collection, error)
	UpdateCollection(ctx context.Context, v Viewer, id int64, c CollectionUpdate) (Collection, error)
	DeleteCollection(ctx context.Context, v Viewer, id int64) error
	// AddCollectionItems appends visible media files in the given order; those already there stay where they are.
	AddCollectionItems(ctx context.Context, v Viewer, id int64, mediaIDs []int64) error
	RemoveCollectionItem(ctx context.Context, v Viewer, id, mediaID int64) error
}

// PageRequest asks for one page, by number or by cursor.
type PageRequest struct {
	Page   int    // from 1; ignored where Cursor is set
	Limit  int    // 1 to MaxLimit
	Cursor string // what Page.NextCursor said, "" for the first page
}

// Limits of paging.
const (
	DefaultLimit = 20
	MaxLimit     = 100
	// MaxOffset is how many rows page and limit may skip: beyond it PostgreSQL would walk and throw away
	// every row before the page, so deeper readers are sent to the cursor.
	MaxOffset = 10_000
)

// TotalKind says how a total was come by.
type TotalKind string

// The kinds of totals.
const (
	TotalExact      TotalKind = "exact"      // counted for this answer
	TotalMaintained TotalKind = "maintained" // counted before, kept current with what this process wrote since
	TotalAtLeast    TotalKind = "atLeast"    // counting stopped at a cap: there may be more
)

// Page is one page of a list.
type Page[T any] struct {
	Items      []T
	Total      int64
	TotalKind  TotalKind
	HasNext    bool
	NextCursor string // "" where there is no next page
}

// MediaSort is an order of media files; ties are broken by id in the same direction.
type MediaSort string

// The orders of media files; a leading minus is descending.
const (
	SortNewest      MediaSort = "-createdAt"
	SortOldest      MediaSort = "createdAt"
	SortLargest     MediaSort = "-size"
	SortSmallest    MediaSort = "size"
	SortMostViewed  MediaSort = "-viewCount"
	SortLeastViewed MediaSort = "viewCount"
)

// MediaQuery filters and orders a list of media files; zero fields do not filter.
type MediaQuery struct {
	PageRequest
	Sort          MediaSort
	OwnerID       int64
	Type          string // "image", "video", "application", or a whole MIME type
	Tag           string
	CollectionID  int64
	Public        *bool
	MinSize       int64 // bytes, inclusive
	MaxSize       int64 // bytes, inclusive
	CreatedAfter  time.Time
	CreatedBefore time.Time
	All           bool // an admin's wish to see everybody's private files too
}

// NewMedia is what CreateMedia needs.
type NewMedia struct {
	Filename     string
	OriginalName string
	Title        string
	Description  *string
	MimeType     string
	Size         int64
	Width        *int32
	Height       *int32
	Duration     *int32
	IsPublic     bool
	SHA256       []byte
}

// MediaUpdate names the changes of UpdateMedia; nil leaves a column as it is.
type MediaUpdate struct {
	Filename    *string
	Title       *string
	Description *string
	IsPublic    *bool
}

// CollectionQuery filters a list of collections.
type CollectionQuery struct {
	PageRequest
	OwnerID int64
	Name    string // exact
}

// NewCollection is what CreateCollection needs.
type NewCollection struct {
	Name        string
	Description *string
	IsPublic    bool
}

// CollectionUpdate names the changes of UpdateCollection; nil leaves a column as it is.
type CollectionUpdate struct {
	Name        *string
	Description *string
	IsPublic    *bool
}
