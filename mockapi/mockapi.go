// Package mockapi holds the nouns of the MediaNest API, the Store that keeps them and the coded errors that
// every layer speaks. Handlers (mockapi/handler) know HTTP and this package; stores (mockapi/store) know
// PostgreSQL and this package; neither knows the other.
package mockapi

import (
	"encoding/json"
	"time"
)

// Role is what an account may do.
type Role string

// The roles of MediaNest, from least to most.
const (
	RoleUser      Role = "user"
	RoleModerator Role = "moderator"
	RoleAdmin     Role = "admin"
)

// Viewer is who asks. The zero Viewer is an anonymous caller, who sees what is public.
type Viewer struct {
	UserID int64
	Role   Role
}

// IsAdmin tells whether the viewer may see and change what belongs to others.
func (v Viewer) IsAdmin() bool { return v.Role == RoleAdmin }

// User is an account as its owner sees it.
type User struct {
	ID          int64           `json:"id"`
	Email       string          `json:"email"`
	Name        string          `json:"name"`
	Role        Role            `json:"role"`
	Preferences json.RawMessage `json:"preferences"`
	IsActive    bool            `json:"isActive"`
	CreatedAt   time.Time       `json:"createdAt"`
	UpdatedAt   time.Time       `json:"updatedAt"`
	LastLoginAt *time.Time      `json:"lastLoginAt"`
}

// Credentials is an account with what a login is checked against.
type Credentials struct {
	User
	PasswordHash string `json:"-"`
}

// Media is the metadata of one file of the library.
type Media struct {
	ID           int64      `json:"id"`
	UserID       int64      `json:"userId"`
	Filename     string     `json:"filename"`
	OriginalName string     `json:"originalName"`
	Title        string     `json:"title"`
	Description  *string    `json:"description"`
	MimeType     string     `json:"mimeType"`
	Size         int64      `json:"size"`     // bytes
	Width        *int32     `json:"width"`    // pixels; nil where there is no picture
	Height       *int32     `json:"height"`   // pixels
	Duration     *int32     `json:"duration"` // seconds; nil for what does not play
	ViewCount    int64      `json:"viewCount"`
	IsPublic     bool       `json:"isPublic"`
	SHA256       []byte     `json:"-"` // of uploaded bytes; nil where the bytes are made on the fly
	CreatedAt    time.Time  `json:"createdAt"`
	UpdatedAt    time.Time  `json:"updatedAt"`
	LastAccessed *time.Time `json:"lastAccessed"`
}

// Collection is a named list of media files.
type Collection struct {
	ID          int64     `json:"id"`
	UserID      int64     `json:"userId"`
	Name        string    `json:"name"`
	Description *string   `json:"description"`
	IsPublic    bool      `json:"isPublic"`
	ItemCount   int64     `json:"itemCount"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

// CollectionItem is a media file at its place in a collection.
type CollectionItem struct {
	Position int32     `json:"position"` // from 1
	AddedAt  time.Time `json:"addedAt"`
	Media    Media     `json:"media"`
}

// Tag is a label of media files.
type Tag struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// Comment is what a user wrote about a media file.
type Comment struct {
	ID         int64     `json:"id"`
	MediaID    int64     `json:"mediaId"`
	UserID     int64     `json:"userId"`
	AuthorName string    `json:"authorName"`
	Body       string    `json:"body"`
	CreatedAt  time.Time `json:"createdAt"`
	UpdatedAt  time.Time `json:"updatedAt"`
}

// Dataset is what the seeder recorded about the rows being served.
type Dataset struct {
	Fingerprint string    `json:"fingerprint"`
	Profile     string    `json:"profile"`
	Seed        uint64    `json:"seed"`
	AsOf        time.Time `json:"asOf"`
	Complete    bool      `json:"complete"`
}

// TableRows is how many rows a table has.
type TableRows struct {
	Table   string
	Seeded  int64 // by the last run of the seeder
	Now     int64 // where Counted
	Counted bool  // whether the store keeps count of the table
}
