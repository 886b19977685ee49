// Package schema is the one place in Go that names MediaNest's tables and columns and says in which order
// foreign keys allow them to be filled. The embedded goose migrations create them; a test holds the two
// against each other.
package schema

// Type is a PostgreSQL column type, by the name that information_schema gives it.
type Type string

// The column types that the schema uses.
const (
	Bigint      Type = "bigint"
	Integer     Type = "integer"
	Text        Type = "text"
	Boolean     Type = "boolean"
	Timestamptz Type = "timestamp with time zone"
	Bytea       Type = "bytea"
	JSONB       Type = "jsonb"
	UUID        Type = "uuid"
)

// Column is one column of a table.
type Column struct {
	Name     string
	Type     Type
	Nullable bool
}

// ForeignKey says that Column holds the id of a row of References.
type ForeignKey struct {
	Column     string
	References string
}

// Table is one table, its columns in the order of the database and of COPY.
type Table struct {
	Name        string
	Columns     []Column
	PrimaryKey  []string
	ForeignKeys []ForeignKey
	// Identity tells whether the column id draws from an identity sequence.
	Identity bool
}

// The tables of MediaNest.
var (
	Users = Table{
		Name: "users", Identity: true, PrimaryKey: []string{"id"},
		Columns: []Column{
			{"id", Bigint, false}, {"email", Text, false}, {"password_hash", Text, false}, {"name", Text, false},
			{"role", Text, false}, {"preferences", JSONB, false}, {"is_active", Boolean, false},
			{"created_at", Timestamptz, false}, {"updated_at", Timestamptz, false}, {"last_login_at", Timestamptz, true},
		},
	}
	MediaFiles = Table{
		Name: "media_files", Identity: true, PrimaryKey: []string{"id"},
		Columns: []Column{
			{"id", Bigint, false}, {"user_id", Bigint, false}, {"filename", Text, false}, {"original_name", Text, false},
			{"title", Text, false}, {"description", Text, true}, {"mime_type", Text, false}, {"size", Bigint, false},
			{"width", Integer, true}, {"height", Integer, true}, {"duration", Integer, true}, {"view_count", Bigint, false},
			{"is_public", Boolean, false}, {"sha256", Bytea, true},
			{"created_at", Timestamptz, false}, {"updated_at", Timestamptz, false}, {"last_accessed", Timestamptz, true},
		},
		ForeignKeys: []ForeignKey{{"user_id", "users"}},
	}
	Collections = Table{
		Name: "collections", Identity: true, PrimaryKey: []string{"id"},
		Columns: []Column{
			{"id", Bigint, false}, {"user_id", Bigint, false}, {"name", Text, false}, {"description", Text, true},
			{"is_public", Boolean, false}, {"created_at", Timestamptz, false}, {"updated_at", Timestamptz, false},
		},
		ForeignKeys: []ForeignKey{{"user_id", "users"}},
	}
	CollectionItems = Table{
		Name: "collection_items", PrimaryKey: []string{"collection_id", "media_id"},
		Columns: []Column{
			{"collection_id", Bigint, false}, {"media_id", Bigint, false}, {"position", Integer, false}, {"added_at", Timestamptz, false},
		},
		ForeignKeys: []ForeignKey{{"collection_id", "collections"}, {"media_id", "media_files"}},
	}
	Tags = Table{
		Name: "tags", Identity: true, PrimaryKey: []string{"id"},
		Columns: []Column{{"id", Bigint, false}, {"name", Text, false}, {"created_at", Timestamptz, false}},
	}
	MediaTags = Table{
		Name: "media_tags", PrimaryKey: []string{"media_id", "tag_id"},
		Columns:     []Column{{"media_id", Bigint, false}, {"tag_id", Bigint, false}},
		ForeignKeys: []ForeignKey{{"media_id", "media_files"}, {"tag_id", "tags"}},
	}
	Comments = Table{
		Name: "comments", Identity: true, PrimaryKey: []string{"id"},
		Columns: []Column{
			{"id", Bigint, false}, {"media_id", Bigint, false}, {"user_id", Bigint, false}, {"body", Text, false},
			{"created_at", Timestamptz, false}, {"updated_at", Timestamptz, false},
		},
		ForeignKeys: []ForeignKey{{"media_id", "media_files"}, {"user_id", "users"}},
	}
	UserActivity = Table{
		Name: "user_activity", Identity: true, PrimaryKey: []string{"id"},
		Columns: []Column{
			{"id", Bigint, false}, {"user_id", Bigint, false}, {"action", Text, false}, {"details", JSONB, true}, {"timestamp", Timestamptz, false},
		},
		ForeignKeys: []ForeignKey{{"user_id", "users"}},
	}
	Notifications = Table{
		Name: "notifications", Identity: true, PrimaryKey: []string{"id"},
		Columns: []Column{
			{"id", Bigint, false}, {"user_id", Bigint, false}, {"type", Text, false}, {"message", Text, false},
			{"status", Text, false}, {"created_at", Timestamptz, false}, {"read_at", Timestamptz, true},
		},
		ForeignKeys: []ForeignKey{{"user_id", "users"}},
	}
	Sessions = Table{
		Name: "sessions", PrimaryKey: []string{"id"},
		Columns: []Column{
			{"id", UUID, false}, {"user_id", Bigint, false}, {"generation", Integer, false},
			{"created_at", Timestamptz, false}, {"expires_at", Timestamptz, false}, {"revoked_at", Timestamptz, true},
		},
		ForeignKeys: []ForeignKey{{"user_id", "users"}},
	}
)

// Tables returns every table of the product, each after the tables that it refers to. The seeder's own
// ledger (seed_runs, seed_units, seed_deferred) is not among them.
func Tables() []Table {
	return []Table{Users, MediaFiles, Collections, CollectionItems, Tags, MediaTags, Comments, UserActivity, Notifications, Sessions}
}
