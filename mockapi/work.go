package mockapi

import (
	"context"
	"encoding/json"
	"time"
)

// AnalyticsStore answers questions about the whole library.
type AnalyticsStore interface {
	// MediaStatistics sums up the media files created within q.Timeframe before now. The answer may be as old as the
	// store's cache allows; ComputedAt says how old.
	MediaStatistics(ctx context.Context, q StatisticsQuery) (MediaStatistics, error)
}

// StatisticsQuery asks for MediaStatistics.
type StatisticsQuery struct {
	Timeframe   time.Duration // how far back from now
	Owners      bool          // include the top owners
	Collections bool          // include the top collections
	Tags        bool          // include the top tags
}

// MediaStatistics sums up the media files of a window of time; private files count, but are not named.
type MediaStatistics struct {
	Since       time.Time          `json:"since"`
	Until       time.Time          `json:"until"`
	ComputedAt  time.Time          `json:"computedAt"`
	Totals      MediaTotals        `json:"totals"`
	ByType      []MediaTypeTotals  `json:"byType"`
	ByDay       []MediaDayTotals   `json:"byDay"`
	Owners      []OwnerTotals      `json:"topOwners,omitempty"`
	Collections []CollectionTotals `json:"topCollections,omitempty"`
	Tags        []TagTotals        `json:"topTags,omitempty"`
}

// MediaTotals counts files, their bytes and their views.
type MediaTotals struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
	Views int64 `json:"views"`
}

// MediaTypeTotals are the totals of one MIME type.
type MediaTypeTotals struct {
	MimeType string `json:"mimeType"`
	MediaTotals
}

// MediaDayTotals are the totals of one UTC day, written YYYY-MM-DD.
type MediaDayTotals struct {
	Day string `json:"day"`
	MediaTotals
}

// OwnerTotals are the totals of one owner.
type OwnerTotals struct {
	UserID int64  `json:"userId"`
	Name   string `json:"name"`
	MediaTotals
}

// CollectionTotals are the totals of one public collection.
type CollectionTotals struct {
	CollectionID int64  `json:"collectionId"`
	Name         string `json:"name"`
	MediaTotals
}

// TagTotals are the totals of one tag.
type TagTotals struct {
	TagID int64  `json:"tagId"`
	Name  string `json:"name"`
	MediaTotals
}

// Action is what one operation of a bulk call or a transaction does.
type Action string

// The actions. A bulk call creates, updates and deletes; a transaction inserts, updates and deletes.
const (
	ActionCreate Action = "create"
	ActionInsert Action = "insert"
	ActionUpdate Action = "update"
	ActionDelete Action = "delete"
)

// MaxOperations is how many operations one bulk call may carry.
const MaxOperations = 1000

// MaxTransactionOperations is how many operations one transaction may carry.
const MaxTransactionOperations = 100

// BulkStore does many small changes in few round trips.
type BulkStore interface {
	// Bulk does every operation for the viewer and answers with one result each, in order. With atomic, the
	// first failure undoes all and every other result is marked as not done.
	Bulk(ctx context.Context, v Viewer, ops []BulkOperation, atomic bool) ([]BulkResult, error)
}

// BulkOperation is one change of a bulk call: exactly one of the pointers is set, but for a delete.
type BulkOperation struct {
	Action           Action
	Type             string // "media" or "collection"
	ID               int64  // of what is updated or deleted
	NewMedia         *NewMedia
	MediaUpdate      *MediaUpdate
	NewCollection    *NewCollection
	CollectionUpdate *CollectionUpdate
}

// BulkResult is what became of one operation.
type BulkResult struct {
	ID  int64 // of what was made or changed; 0 where it failed
	Err error // an *Error, or nil
}

// TransactionStore runs a list of row operations as one SQL transaction.
type TransactionStore interface {
	// ExecuteTransaction does all operations or none. It retries what PostgreSQL gave up for a
	// serialization failure or a deadlock. VALIDATION_ERROR for tables, columns and actions that are not
	// allowed, ACCESS_DENIED for rows of others.
	ExecuteTransaction(ctx context.Context, v Viewer, ops []RowOperation) ([]RowResult, error)
}

// RowOperation is one statement of a transaction.
type RowOperation struct {
	Table  string                     `json:"table"`
	Action Action                     `json:"action"`
	Where  map[string]json.RawMessage `json:"where,omitempty"` // column = value, joined by AND
	Data   map[string]json.RawMessage `json:"data,omitempty"`
}

// RowResult is what one statement did.
type RowResult struct {
	RowsAffected int64   `json:"rowsAffected"`
	IDs          []int64 `json:"ids,omitempty"` // of inserted rows
}

// Notification is a message to a user.
type Notification struct {
	ID        int64      `json:"id"`
	UserID    int64      `json:"userId"`
	Type      string     `json:"type"`
	Message   string     `json:"message"`
	Status    string     `json:"status"`
	CreatedAt time.Time  `json:"createdAt"`
	ReadAt    *time.Time `json:"readAt"`
}

// NewNotification is what CreateNotification needs.
type NewNotification struct {
	UserID  int64
	Type    string // "email", "push", "sms" or "in_app"
	Message string
}

// NotificationStore keeps notifications.
type NotificationStore interface {
	// CreateNotification stores a message: NOT_FOUND where there is no such user.
	CreateNotification(ctx context.Context, n NewNotification) (Notification, error)
	// Notifications lists a user's messages, newest first.
	Notifications(ctx context.Context, userID int64, p PageRequest) (Page[Notification], error)
	// ReadNotification marks a user's message as read; reading twice is no error.
	ReadNotification(ctx context.Context, userID, id int64) (Notification, error)
}

// AdvancedSearchStore answers the advanced-search language.
type AdvancedSearchStore interface {
	// SearchAdvanced finds visible files by a query of the language of mockapi/query, newest first:
	// VALIDATION_ERROR with position and hint for one that does not parse.
	SearchAdvanced(ctx context.Context, v Viewer, q string, p PageRequest) (Page[Media], error)
}
