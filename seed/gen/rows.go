package gen

// The structs below are rows of the dataset. Times are microseconds since the Unix epoch, and 0 stands for
// NULL where the column can be NULL; so does 0 for the other numbers that can be NULL. Text is a slice of
// bytes so that a struct that is filled again keeps its capacity.

// User is a row of users.
type User struct {
	ID           int64
	Email        []byte
	PasswordHash []byte
	Name         []byte
	Role         string
	// Preferences is a JSON object.
	Preferences []byte
	Active      bool
	CreatedAt   int64
	UpdatedAt   int64
	// LastLoginAt is 0 for a user who never logged in.
	LastLoginAt int64
}

// MediaFile is a row of media_files. Its sha256 is always NULL: the bytes of seeded files don't exist.
type MediaFile struct {
	ID           int64
	UserID       int64
	Filename     []byte
	OriginalName []byte
	Title        []byte
	// Description is empty for NULL.
	Description []byte
	MIMEType    string
	// Size is in bytes.
	Size int64
	// Width and Height are in pixels, 0 (NULL) for what has no picture.
	Width, Height int32
	// Duration is in seconds, 0 (NULL) for what does not play.
	Duration  int32
	ViewCount int64
	Public    bool
	CreatedAt int64
	UpdatedAt int64
	// LastAccessed is 0 (NULL) for a file that nobody has viewed.
	LastAccessed int64
}

// Collection is a row of collections.
type Collection struct {
	ID     int64
	UserID int64
	Name   []byte
	// Description is empty for NULL.
	Description []byte
	Public      bool
	CreatedAt   int64
	UpdatedAt   int64
}

// CollectionItem is a row of collection_items.
type CollectionItem struct {
	CollectionID int64
	MediaID      int64
	// Position counts from 1.
	Position int32
	AddedAt  int64
}

// Tag is a row of tags.
type Tag struct {
	ID        int64
	Name      []byte
	CreatedAt int64
}

// MediaTag is a row of media_tags.
type MediaTag struct {
	MediaID int64
	TagID   int64
}

// Comment is a row of comments.
type Comment struct {
	ID        int64
	MediaID   int64
	UserID    int64
	Body      []byte
	CreatedAt int64
	UpdatedAt int64
}

// Activity is a row of user_activity.
type Activity struct {
	ID     int64
	UserID int64
	Action string
	// Details is a JSON object, empty for NULL.
	Details   []byte
	Timestamp int64
}

// Notification is a row of notifications.
type Notification struct {
	ID        int64
	UserID    int64
	Type      string
	Message   []byte
	Status    string
	CreatedAt int64
	// ReadAt is 0 (NULL) for one that has not been read.
	ReadAt int64
}
