package verify

// invariant is something that holds for every seeded row. It has either a condition that a wrong row of a
// table meets, all of which are looked for in one pass over the table, or a query that finds wrong rows.
//
// In both, {users x} stands for "x is the id of a seeded user", and likewise for other tables;
// {collection_items x} for "x is a seeded row"; {as of} for the instant that all times are relative to; and
// {written later x} for "the time x was written after seeding", as tests do to rows that they touch.
type invariant struct {
	name        string
	description string
	// table and wrong go together: wrong is a condition on the row r.
	table, wrong string
	// query returns one text column, which names an offending row.
	query string
}

// invariants lists what holds beyond references, structure and weights.
func invariants() []invariant {
	return []invariant{
		{
			name: "users_email_unique", description: "no two users share an email address",
			query: `SELECT email || ' x ' || count(*) FROM users GROUP BY email HAVING count(*) > 1`,
		},
		{
			name: "users_email_form", description: "an email address is lower case and has one @",
			table: "users", wrong: `r.email <> lower(r.email) OR r.email !~ '^[^@[:space:]]+@[^@[:space:]]+$'`,
		},
		{
			name: "users_name_given", description: "a user has a name",
			table: "users", wrong: `btrim(r.name) = ''`,
		},
		{
			name: "users_password_hash", description: "a password is stored as a bcrypt hash",
			table: "users", wrong: `r.password_hash !~ '^\$2[abxy]?\$[0-9]{2}\$[./A-Za-z0-9]{53}$'`,
		},
		{
			name: "users_updated_after_created", description: "a user is created before updated",
			table: "users", wrong: `r.updated_at < r.created_at`,
		},
		{
			name: "users_login_after_created", description: "a user is created before the last login",
			table: "users", wrong: `r.last_login_at < r.created_at`,
		},
		{
			name: "users_time_by_as_of", description: "no user is from after the as-of time",
			table: "users", wrong: `r.created_at > {as of}
				OR r.updated_at > {as of} AND NOT {written later r.updated_at}
				OR r.last_login_at > {as of} AND NOT {written later r.last_login_at}`,
		},
		{
			name: "media_files_updated_after_created", description: "a media file is created before updated",
			table: "media_files", wrong: `r.updated_at < r.created_at`,
		},
		{
			name: "media_files_accessed_after_created", description: "a media file is created before accessed",
			table: "media_files", wrong: `r.last_accessed < r.created_at`,
		},
		{
			name: "media_files_time_by_as_of", description: "no media file is from after the as-of time",
			table: "media_files", wrong: `r.created_at > {as of}
				OR r.updated_at > {as of} AND NOT {written later r.updated_at}
				OR r.last_accessed > {as of} AND NOT {written later r.last_accessed}`,
		},
		{
			name: "media_files_dimensions_fit_type", description: "images and videos have a width and a height, nothing else has",
			table: "media_files", wrong: `(r.mime_type ~ '^(image|video)/') <> (r.width IS NOT NULL AND r.height IS NOT NULL)
				OR (r.width IS NULL) <> (r.height IS NULL) OR r.width <= 0 OR r.height <= 0`,
		},
		{
			name: "media_files_duration_fits_type", description: "videos and sound have a duration, nothing else has",
			table: "media_files", wrong: `(r.mime_type ~ '^(video|audio)/') <> (r.duration IS NOT NULL) OR r.duration <= 0`,
		},
		{
			name: "media_files_extension_fits_type", description: "the extensions of filename and original name agree with the MIME type",
			table: "media_files", wrong: `NOT CASE r.mime_type
				WHEN 'image/jpeg' THEN r.filename ~* '\.jpe?g$' AND r.original_name ~* '\.jpe?g$'
				WHEN 'image/png' THEN r.filename ~* '\.png$' AND r.original_name ~* '\.png$'
				WHEN 'video/mp4' THEN r.filename ~* '\.mp4$' AND r.original_name ~* '\.mp4$'
				WHEN 'video/avi' THEN r.filename ~* '\.avi$' AND r.original_name ~* '\.avi$'
				WHEN 'application/pdf' THEN r.filename ~* '\.pdf$' AND r.original_name ~* '\.pdf$'
				ELSE false
			END`,
		},
		{
			name: "media_files_text_given", description: "a media file has a filename, an original name and a title",
			table: "media_files", wrong: `btrim(r.filename) = '' OR btrim(r.original_name) = '' OR btrim(r.title) = ''`,
		},
		{
			name: "media_files_after_owner", description: "a media file is created after its owner",
			query: `SELECT m.id::text FROM media_files m JOIN users u ON u.id = m.user_id
				WHERE {media_files m.id} AND m.created_at < u.created_at`,
		},
		{
			name: "collections_updated_after_created", description: "a collection is created before updated",
			table: "collections", wrong: `r.updated_at < r.created_at`,
		},
		{
			name: "collections_time_by_as_of", description: "no collection is from after the as-of time",
			table: "collections", wrong: `r.created_at > {as of} OR r.updated_at > {as of} AND NOT {written later r.updated_at}`,
		},
		{
			name: "collections_name_given", description: "a collection has a name",
			table: "collections", wrong: `btrim(r.name) = ''`,
		},
		{
			name: "collections_after_owner", description: "a collection is created after its owner",
			query: `SELECT c.id::text FROM collections c JOIN users u ON u.id = c.user_id
				WHERE {collections c.id} AND c.created_at < u.created_at`,
		},
		{
			name: "collection_items_visible_to_owner", description: "an item of a collection is public or belongs to the collection's owner",
			query: `SELECT i.collection_id || '/' || i.media_id
				FROM collection_items i JOIN collections c ON c.id = i.collection_id JOIN media_files m ON m.id = i.media_id
				WHERE {collection_items i} AND NOT m.is_public AND m.user_id <> c.user_id`,
		},
		{
			name: "collection_items_after_both", description: "an item is added after its collection and its media file were made",
			query: `SELECT i.collection_id || '/' || i.media_id
				FROM collection_items i JOIN collections c ON c.id = i.collection_id JOIN media_files m ON m.id = i.media_id
				WHERE {collection_items i} AND i.added_at < greatest(c.created_at, m.created_at)`,
		},
		{
			name: "collection_items_positions_contiguous", description: "the positions in a collection are 1, 2, 3 and so on",
			query: `SELECT i.collection_id::text FROM collection_items i WHERE {collection_items i} GROUP BY i.collection_id
				HAVING min(i.position) <> 1 OR max(i.position) <> count(*) OR count(DISTINCT i.position) <> count(*)`,
		},
		{
			name: "collection_items_time_by_as_of", description: "no item is from after the as-of time",
			table: "collection_items", wrong: `r.added_at > {as of} AND NOT {written later r.added_at}`,
		},
		{
			name: "tags_name_unique", description: "no two tags share a name",
			query: `SELECT name || ' x ' || count(*) FROM tags GROUP BY name HAVING count(*) > 1`,
		},
		{
			name: "tags_name_form", description: "a tag is lower case and not empty",
			table: "tags", wrong: `r.name <> lower(r.name) OR btrim(r.name) = ''`,
		},
		{
			name: "tags_time_by_as_of", description: "no tag is from after the as-of time",
			table: "tags", wrong: `r.created_at > {as of}`,
		},
		{
			name: "comments_updated_after_created", description: "a comment is created before updated",
			table: "comments", wrong: `r.updated_at < r.created_at`,
		},
		{
			name: "comments_time_by_as_of", description: "no comment is from after the as-of time",
			table: "comments", wrong: `r.created_at > {as of} OR r.updated_at > {as of} AND NOT {written later r.updated_at}`,
		},
		{
			name: "comments_body_given", description: "a comment says something",
			table: "comments", wrong: `btrim(r.body) = ''`,
		},
		{
			name: "comments_after_media_file", description: "a comment is made after its media file",
			query: `SELECT c.id::text FROM comments c JOIN media_files m ON m.id = c.media_id
				WHERE {comments c.id} AND c.created_at < m.created_at`,
		},
		{
			name: "comments_after_author", description: "a comment is made after its author",
			query: `SELECT c.id::text FROM comments c JOIN users u ON u.id = c.user_id
				WHERE {comments c.id} AND c.created_at < u.created_at`,
		},
		{
			name: "comments_on_private_by_owner", description: "nobody but the owner comments on a private media file",
			query: `SELECT c.id::text FROM comments c JOIN media_files m ON m.id = c.media_id
				WHERE {comments c.id} AND NOT m.is_public AND c.user_id <> m.user_id`,
		},
		{
			name: "user_activity_time_by_as_of", description: "no activity is from after the as-of time",
			table: "user_activity", wrong: `r."timestamp" > {as of}`,
		},
		{
			name: "user_activity_after_user", description: "a user acts after being created",
			query: `SELECT a.id::text FROM user_activity a JOIN users u ON u.id = a.user_id
				WHERE {user_activity a.id} AND a."timestamp" < u.created_at`,
		},
		{
			name: "notifications_read_when_status_says_so", description: "a notification has a time of reading exactly when its status is read",
			table: "notifications", wrong: `(r.status = 'read') <> (r.read_at IS NOT NULL)`,
		},
		{
			name: "notifications_read_after_created", description: "a notification is created before it is read",
			table: "notifications", wrong: `r.read_at < r.created_at`,
		},
		{
			name: "notifications_time_by_as_of", description: "no notification is from after the as-of time",
			table: "notifications", wrong: `r.created_at > {as of} OR r.read_at > {as of} AND NOT {written later r.read_at}`,
		},
		{
			name: "notifications_after_user", description: "a user is notified after being created",
			query: `SELECT n.id::text FROM notifications n JOIN users u ON u.id = n.user_id
				WHERE {notifications n.id} AND n.created_at < u.created_at`,
		},
	}
}
