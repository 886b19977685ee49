package gen

import (
	"fmt"
)

// User fills u with user i, counted from 0.
func (d *Dataset) User(i int64, u *User) {
	*u = User{ID: d.FirstID("users") + i, Role: "user", Active: true, CreatedAt: d.asOf, UpdatedAt: d.asOf,
		Email: []byte(fmt.Sprintf("user%d@example.org", i)), Name: []byte("A User"), PasswordHash: []byte("x"), Preferences: []byte("{}")}
	if i < int64(len(d.accounts)) {
		u.Email, u.Role = []byte(d.accounts[i].Email), d.accounts[i].Role
	}
}

// MediaFile fills m with media file i, counted from 0.
func (d *Dataset) MediaFile(i int64, m *MediaFile) {
	*m = MediaFile{ID: d.FirstID("media_files") + i, UserID: d.FirstID("users") + i%d.profile.Rows.Users,
		Filename: []byte("IMG_12345678.jpg"), OriginalName: []byte("a.jpg"), Title: []byte("A title"), MIMEType: "image/jpeg",
		Size: 50_000, Width: 800, Height: 600, Public: true, CreatedAt: d.asOf, UpdatedAt: d.asOf}
}

// Collection fills c with collection i, counted from 0.
func (d *Dataset) Collection(i int64, c *Collection) {
	*c = Collection{ID: d.FirstID("collections") + i, UserID: d.FirstID("users") + i%d.profile.Rows.Users, Name: []byte("Test Collection"),
		Public: true, CreatedAt: d.asOf, UpdatedAt: d.asOf}
}

// CollectionItem fills ci with collection item i, counted from 0.
func (d *Dataset) CollectionItem(i int64, ci *CollectionItem) {
	r := d.profile.Rows
	*ci = CollectionItem{CollectionID: d.FirstID("collections") + i%r.Collections, MediaID: d.FirstID("media_files") + i/r.Collections,
		Position: int32(i/r.Collections) + 1, AddedAt: d.asOf}
}

// Tag fills t with tag i, counted from 0.
func (d *Dataset) Tag(i int64, t *Tag) {
	id := d.FirstID("tags") + i
	*t = Tag{ID: id, Name: []byte(fmt.Sprintf("tag-%d", id)), CreatedAt: d.asOf}
}

// MediaTag fills mt with media tag i, counted from 0.
func (d *Dataset) MediaTag(i int64, mt *MediaTag) {
	r := d.profile.Rows
	*mt = MediaTag{MediaID: d.FirstID("media_files") + i%r.MediaFiles, TagID: d.FirstID("tags") + i/r.MediaFiles}
}

// Comment fills c with comment i, counted from 0.
func (d *Dataset) Comment(i int64, c *Comment) {
	*c = Comment{ID: d.FirstID("comments") + i, MediaID: d.FirstID("media_files") + i%d.profile.Rows.MediaFiles,
		UserID: d.FirstID("users") + i%d.profile.Rows.Users, Body: []byte("Nice."), CreatedAt: d.asOf, UpdatedAt: d.asOf}
}

// Activity fills a with activity i, counted from 0.
func (d *Dataset) Activity(i int64, a *Activity) {
	*a = Activity{ID: d.FirstID("user_activity") + i, UserID: d.FirstID("users") + i%d.profile.Rows.Users, Action: "login", Timestamp: d.asOf}
}

// Notification fills n with notification i, counted from 0.
func (d *Dataset) Notification(i int64, n *Notification) {
	*n = Notification{ID: d.FirstID("notifications") + i, UserID: d.FirstID("users") + i%d.profile.Rows.Users, Type: "email",
		Message: []byte("Welcome."), Status: "sent", CreatedAt: d.asOf}
}
