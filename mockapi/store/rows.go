package store

import "github.com/medianest/testbed/mockapi"

// The column lists of every query, each beside the function that reads a row of it: the two go together.

const userColumns = "id, email, name, role, preferences, is_active, created_at, updated_at, last_login_at"

func scanUser(r *row, u *mockapi.User) {
	u.ID = r.int64()
	u.Email = r.text()
	u.Name = r.text()
	u.Role = mockapi.Role(r.textLike(string(mockapi.RoleUser)))
	u.Preferences = r.json()
	u.IsActive = r.bool()
	u.CreatedAt = r.time()
	u.UpdatedAt = r.time()
	u.LastLoginAt = r.nullTime()
}

const mediaColumns = "id, user_id, filename, original_name, title, description, mime_type, size, width, height, duration, " +
	"view_count, is_public, sha256, created_at, updated_at, last_accessed"

// scanMedia reads a row of mediaColumns; like is the row before it, whose texts are likely to return.
func scanMedia(r *row, m, like *mockapi.Media) {
	m.ID = r.int64()
	m.UserID = r.int64()
	m.Filename = r.text()
	m.OriginalName = r.textLike(m.Filename)
	m.Title = r.text()
	m.Description = r.nullText()
	m.MimeType = r.textLike(like.MimeType)
	m.Size = r.int64()
	m.Width = r.nullInt32()
	m.Height = r.nullInt32()
	m.Duration = r.nullInt32()
	m.ViewCount = r.int64()
	m.IsPublic = r.bool()
	m.SHA256 = r.nullBytes()
	m.CreatedAt = r.time()
	m.UpdatedAt = r.time()
	m.LastAccessed = r.nullTime()
}

// collectionColumns counts the items of each row that is returned; the alias of collections is c.
const collectionColumns = "c.id, c.user_id, c.name, c.description, c.is_public, " +
	"(SELECT count(*) FROM collection_items i WHERE i.collection_id = c.id), c.created_at, c.updated_at"

func scanCollection(r *row, c *mockapi.Collection) {
	c.ID = r.int64()
	c.UserID = r.int64()
	c.Name = r.text()
	c.Description = r.nullText()
	c.IsPublic = r.bool()
	c.ItemCount = r.int64()
	c.CreatedAt = r.time()
	c.UpdatedAt = r.time()
}

const tagColumns = "id, name"

func scanTag(r *row, t *mockapi.Tag) {
	t.ID = r.int64()
	t.Name = r.text()
}

// commentColumns are of comments c joined with its author u.
const commentColumns = "c.id, c.media_id, c.user_id, u.name, c.body, c.created_at, c.updated_at"

func scanComment(r *row, c *mockapi.Comment) {
	c.ID = r.int64()
	c.MediaID = r.int64()
	c.UserID = r.int64()
	c.AuthorName = r.text()
	c.Body = r.text()
	c.CreatedAt = r.time()
	c.UpdatedAt = r.time()
}
