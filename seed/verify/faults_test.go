package verify

// fault is a way to spoil a good database. It says in SQL what every check is there to find.
type fault struct {
	name string
	sql  string
	// off names everything that must be found off, and nothing else may be.
	off []string
}

// unchecked lets rows through that foreign keys would refuse.
const unchecked = "SET LOCAL session_replication_role = replica; "

// faults has at least one fault for every invariant, number of rows and weight; TestFaults insists on it.
//
// The dataset has 29 fixed accounts, 600 users and 1,200 media files as of the start of 2026.
func faults() []fault {
	return []fault{
		// Structure.
		{
			"a load was broken off", `INSERT INTO seed_deferred VALUES ('comments_media', 'comments', 'index', 'CREATE INDEX ...')`,
			[]string{"load_finished"},
		},
		{"index missing", `DROP INDEX comments_media`, []string{"indexes_present"}},
		{
			"index invalid", `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'media_files_text'::regclass`,
			[]string{"indexes_present"},
		},
		{"primary key missing", `ALTER TABLE media_tags DROP CONSTRAINT media_tags_pkey`, []string{"primary_keys_present"}},
		{
			"primary key of other columns", `ALTER TABLE media_tags DROP CONSTRAINT media_tags_pkey, ADD PRIMARY KEY (tag_id, media_id)`,
			[]string{"primary_keys_present"},
		},
		{"foreign key missing", `ALTER TABLE comments DROP CONSTRAINT comments_user_id_fkey`, []string{"foreign_keys_present"}},
		{
			"foreign key not validated", `ALTER TABLE comments DROP CONSTRAINT comments_user_id_fkey;
				ALTER TABLE comments ADD CONSTRAINT comments_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID`,
			[]string{"foreign_keys_present"},
		},

		// References, with every constraint in place.
		{"media file of nobody", unchecked + `UPDATE media_files SET user_id = 999999
			WHERE id = (SELECT max(id) FROM media_files WHERE is_public)`, []string{"media_files_user_id_exists"}},
		{"collection of nobody", unchecked + `UPDATE collections SET user_id = 999999 WHERE id = (
			SELECT min(i.collection_id) FROM collection_items i JOIN media_files m ON m.id = i.media_id WHERE NOT m.is_public)`, []string{"collections_user_id_exists", "collection_items_visible_to_owner"}},
		{
			"item of no collection", unchecked + `INSERT INTO collection_items VALUES (999999, 1, 1, '2025-12-31')`,
			[]string{"collection_items_collection_id_exists"},
		},
		{
			"item of no media file", unchecked + `WITH made AS (INSERT INTO collections (user_id, name) VALUES (1, 'x') RETURNING id)
				INSERT INTO collection_items SELECT id, 999999, 1 FROM made`,
			[]string{"collection_items_media_id_exists"},
		},
		{"tag of no media file", unchecked + `INSERT INTO media_tags VALUES (999999, 1)`, []string{"media_tags_media_id_exists"}},
		{"media file with no tag", unchecked + `INSERT INTO media_tags VALUES (1, 999999)`, []string{"media_tags_tag_id_exists"}},
		{"comment on nothing", unchecked + `UPDATE comments SET media_id = 999999 WHERE id = 10`, []string{"comments_media_id_exists"}},
		{"comment by nobody", unchecked + `UPDATE comments SET user_id = 999999
			WHERE id = (SELECT min(c.id) FROM comments c JOIN media_files m ON m.id = c.media_id WHERE m.is_public)`,
			[]string{"comments_user_id_exists"}},
		{"activity of nobody", unchecked + `UPDATE user_activity SET user_id = 999999 WHERE id = 7`, []string{"user_activity_user_id_exists"}},
		{"notification to nobody", unchecked + `UPDATE notifications SET user_id = 999999 WHERE id = 7`, []string{"notifications_user_id_exists"}},
		{
			"session of nobody", unchecked + `INSERT INTO sessions (id, user_id, expires_at) VALUES (gen_random_uuid(), 999999, now())`,
			[]string{"sessions_user_id_exists"},
		},

		// Sequences.
		{"users ids run into one another", `ALTER TABLE users ALTER id RESTART WITH 10`, []string{"users_sequence_past_last_id"}},
		{"media_files ids run into one another", `ALTER TABLE media_files ALTER id RESTART WITH 10`, []string{"media_files_sequence_past_last_id"}},
		{"collections ids run into one another", `ALTER TABLE collections ALTER id RESTART WITH 10`, []string{"collections_sequence_past_last_id"}},
		{"tags ids run into one another", `ALTER TABLE tags ALTER id RESTART WITH 10`, []string{"tags_sequence_past_last_id"}},
		{"comments ids run into one another", `ALTER TABLE comments ALTER id RESTART WITH 10`, []string{"comments_sequence_past_last_id"}},
		{"user_activity ids run into one another", `ALTER TABLE user_activity ALTER id RESTART WITH 10`, []string{"user_activity_sequence_past_last_id"}},
		{"notifications ids run into one another", `ALTER TABLE notifications ALTER id RESTART WITH 10`, []string{"notifications_sequence_past_last_id"}},

		// Users.
		{
			"email twice", `DROP INDEX users_email_key; UPDATE users SET email = (SELECT email FROM users WHERE id = 100) WHERE id = 101`,
			[]string{"indexes_present", "users_email_unique"},
		},
		{"no email", `UPDATE users SET email = 'nobody' WHERE id = 100`, []string{"users_email_form"}},
		{"no name", `UPDATE users SET name = ' ' WHERE id = 100`, []string{"users_name_given"}},
		{"plain password", `UPDATE users SET password_hash = 'Performance123!' WHERE id = 100`, []string{"users_password_hash", "common_password"}},
		{"another's password", `UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email = 'test@example.com') WHERE id = 100`,
			[]string{"common_password"}},
		{
			"user updated before created", `ALTER TABLE users DROP CONSTRAINT users_updated_after_created;
				UPDATE users SET updated_at = created_at - interval '1 s' WHERE id = 100`,
			[]string{"users_updated_after_created"},
		},
		{
			"login before created", `ALTER TABLE users DROP CONSTRAINT users_login_after_created;
				UPDATE users SET last_login_at = created_at - interval '1 s' WHERE id = 100`,
			[]string{"users_login_after_created"},
		},
		{"user updated in the future", `UPDATE users SET updated_at = '2026-01-01 00:00:01Z' WHERE id = 100`, []string{"users_time_by_as_of"}},
		{"login in the future", `UPDATE users SET last_login_at = '2026-01-01 00:00:01Z' WHERE id = 100`, []string{"users_time_by_as_of"}},

		// Media files.
		{
			"media file updated before created", `ALTER TABLE media_files DROP CONSTRAINT media_files_updated_after_created;
				UPDATE media_files SET updated_at = created_at - interval '1 s' WHERE id = 100`,
			[]string{"media_files_updated_after_created"},
		},
		{
			"media file accessed before created", `UPDATE media_files SET last_accessed = created_at - interval '1 s' WHERE id = 100`,
			[]string{"media_files_accessed_after_created"},
		},
		{"media file updated in the future", `UPDATE media_files SET updated_at = '2026-01-01 00:00:01Z' WHERE id = 100`, []string{"media_files_time_by_as_of"}},
		{
			"document with a width", `UPDATE media_files SET width = 800, height = 600
				WHERE id = (SELECT min(id) FROM media_files WHERE mime_type = 'application/pdf')`,
			[]string{"media_files_dimensions_fit_type"},
		},
		{
			"image without a width", `UPDATE media_files SET width = NULL, height = NULL
				WHERE id = (SELECT min(id) FROM media_files WHERE mime_type = 'image/png')`,
			[]string{"media_files_dimensions_fit_type"},
		},
		{
			"image that plays", `UPDATE media_files SET duration = 60
				WHERE id = (SELECT min(id) FROM media_files WHERE mime_type = 'image/png')`,
			[]string{"media_files_duration_fits_type"},
		},
		{
			"video without a duration", `UPDATE media_files SET duration = NULL
				WHERE id = (SELECT min(id) FROM media_files WHERE mime_type = 'video/mp4')`,
			[]string{"media_files_duration_fits_type"},
		},
		{"filename of another type", `UPDATE media_files SET filename = 'IMG_12345678.docx' WHERE id = 100`, []string{"media_files_extension_fits_type"}},
		{"original name without an extension", `UPDATE media_files SET original_name = 'jpg' WHERE id = 100`, []string{"media_files_extension_fits_type"}},
		{"no title", `UPDATE media_files SET title = '' WHERE id = 100`, []string{"media_files_text_given"}},
		{
			"media file before its owner", `UPDATE users SET created_at = m.created_at + interval '1 us', updated_at = '2025-12-31 23:59:59Z', last_login_at = NULL
				FROM media_files m WHERE m.user_id = users.id AND m.id = (
					SELECT max(m.id) FROM media_files m WHERE m.created_at < '2025-12-31'
					AND NOT EXISTS (SELECT FROM collections x WHERE x.user_id = m.user_id)
					AND NOT EXISTS (SELECT FROM comments x WHERE x.user_id = m.user_id)
					AND NOT EXISTS (SELECT FROM user_activity x WHERE x.user_id = m.user_id)
					AND NOT EXISTS (SELECT FROM notifications x WHERE x.user_id = m.user_id))`,
			[]string{"media_files_after_owner"},
		},

		// Collections and their items.
		{
			"collection updated before created", `ALTER TABLE collections DROP CONSTRAINT collections_updated_after_created;
				UPDATE collections SET updated_at = created_at - interval '1 s' WHERE id = 10`,
			[]string{"collections_updated_after_created"},
		},
		{"collection updated in the future", `UPDATE collections SET updated_at = '2026-01-01 00:00:01Z' WHERE id = 10`, []string{"collections_time_by_as_of"}},
		{"no name of a collection", `UPDATE collections SET name = '' WHERE id = 10`, []string{"collections_name_given"}},
		{
			"collection before its owner", `UPDATE collections SET created_at = u.created_at - interval '1 s' FROM users u
				WHERE u.id = collections.user_id AND collections.id = 10`,
			[]string{"collections_after_owner"},
		},
		{
			"another's private file in a collection", `UPDATE collection_items i SET media_id = m.id, added_at = '2025-12-31 23:59:59Z'
				FROM media_files m, collections c WHERE i.collection_id = c.id AND i.position = 1 AND c.id = (SELECT max(collection_id) FROM collection_items)
				AND m.id = (SELECT max(id) FROM media_files WHERE NOT is_public AND user_id <> c.user_id)`,
			[]string{"collection_items_visible_to_owner"},
		},
		{
			"item before its collection", `UPDATE collection_items i SET added_at = c.created_at - interval '1 s'
				FROM collections c WHERE i.collection_id = c.id AND i.position = 1 AND c.id = (SELECT max(collection_id) FROM collection_items)`,
			[]string{"collection_items_after_both"},
		},
		{
			"item before its media file", `UPDATE collection_items i SET added_at = m.created_at - interval '1 s'
				FROM media_files m WHERE i.media_id = m.id AND i.position = 1 AND i.collection_id = (SELECT max(collection_id) FROM collection_items)`,
			[]string{"collection_items_after_both"},
		},
		{"hole between positions", `UPDATE collection_items SET position = 999 WHERE position = 1 AND collection_id = (SELECT max(collection_id) FROM collection_items)`, []string{"collection_items_positions_contiguous"}},
		{"position twice", `UPDATE collection_items SET position = 1 WHERE position = 2`, []string{"collection_items_positions_contiguous"}},
		{"item added in the future", `UPDATE collection_items SET added_at = '2026-01-01 00:00:01Z' WHERE position = 1 AND collection_id = (SELECT max(collection_id) FROM collection_items)`,
			[]string{"collection_items_time_by_as_of"}},

		// Tags.
		{"tag twice", `DROP INDEX tags_name_key; UPDATE tags SET name = (SELECT name FROM tags WHERE id = 20) WHERE id = 21`,
			[]string{"indexes_present", "tags_name_unique"}},
		{"capital tag", `ALTER TABLE tags DROP CONSTRAINT tags_name_lower; UPDATE tags SET name = 'Capital' WHERE id = 20`, []string{"tags_name_form"}},
		{"tag from the future", `UPDATE tags SET created_at = now() WHERE id = 20`, []string{"tags_time_by_as_of"}},
		{"fixed tag gone", `UPDATE tags SET name = 'foto' WHERE name = 'photo'`, []string{"fixed_names"}},
		{"fixed collection gone", `UPDATE collections SET name = 'Best Collection' WHERE name = 'Test Collection'`, []string{"fixed_names"}},

		// Comments.
		{
			"comment updated before created", `ALTER TABLE comments DROP CONSTRAINT comments_updated_after_created;
				UPDATE comments SET updated_at = created_at - interval '1 s' WHERE id = 10`,
			[]string{"comments_updated_after_created"},
		},
		{"comment from the future", `UPDATE comments SET created_at = now(), updated_at = now() WHERE id = 10`, []string{"comments_time_by_as_of"}},
		{"empty comment", `UPDATE comments SET body = ' ' WHERE id = 10`, []string{"comments_body_given"}},
		{
			"comment before its media file", `UPDATE comments c SET created_at = m.created_at - interval '1 s'
				FROM media_files m, users u WHERE m.id = c.media_id AND u.id = c.user_id AND c.id = (
					SELECT min(c.id) FROM comments c JOIN media_files m ON m.id = c.media_id JOIN users u ON u.id = c.user_id
					WHERE u.created_at < m.created_at - interval '1 s')`,
			[]string{"comments_after_media_file"},
		},
		{
			"comment before its author", `UPDATE comments c SET created_at = u.created_at - interval '1 s'
				FROM media_files m, users u WHERE m.id = c.media_id AND u.id = c.user_id AND c.id = (
					SELECT min(c.id) FROM comments c JOIN media_files m ON m.id = c.media_id JOIN users u ON u.id = c.user_id
					WHERE m.created_at < u.created_at - interval '1 s')`,
			[]string{"comments_after_author"},
		},
		{
			"stranger comments on a private file", `UPDATE comments SET created_at = '2025-12-31 23:59:59Z', updated_at = '2025-12-31 23:59:59Z',
				media_id = (SELECT max(id) FROM media_files WHERE NOT is_public AND user_id <> comments.user_id) WHERE id = 10`,
			[]string{"comments_on_private_by_owner"},
		},

		// Activity and notifications.
		{"activity in the future", `UPDATE user_activity SET "timestamp" = now() WHERE id = 10`, []string{"user_activity_time_by_as_of"}},
		{
			"activity before its user", `UPDATE user_activity a SET "timestamp" = u.created_at - interval '1 s' FROM users u
				WHERE u.id = a.user_id AND a.id = 10`,
			[]string{"user_activity_after_user"},
		},
		{
			"read without a time", `UPDATE notifications SET status = 'read', read_at = NULL
				WHERE id = 10`,
			[]string{"notifications_read_when_status_says_so"},
		},
		{
			"read before it was written", `ALTER TABLE notifications DROP CONSTRAINT notifications_read_after_created;
				UPDATE notifications SET status = 'read', read_at = created_at - interval '1 s' WHERE id = 10`,
			[]string{"notifications_read_after_created"},
		},
		{"notification from the future", `UPDATE notifications SET created_at = now(), read_at = NULL, status = 'sent' WHERE id = 10`,
			[]string{"notifications_time_by_as_of"}},
		{
			"notification before its user", `UPDATE notifications n SET created_at = u.created_at - interval '1 s' FROM users u
				WHERE u.id = n.user_id AND n.id = 10`,
			[]string{"notifications_after_user"},
		},

		// Fixed accounts.
		{"fixed account not active", `UPDATE users SET is_active = false WHERE email = 'test@example.com'`, []string{"fixed_accounts"}},
		{"fixed account with another email", `UPDATE users SET email = 'best@example.com' WHERE email = 'test@example.com'`, []string{"fixed_accounts"}},
		{"fixed account with another role", `UPDATE users SET role = 'user' WHERE email = 'admin@medianest.test'`, []string{"fixed_accounts"}},
		{
			"fixed account with another password", `UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = 1) WHERE email = 'test@example.com'`,
			[]string{"fixed_accounts"},
		},

		// Numbers of rows.
		{"user missing", unchecked + `DELETE FROM users WHERE id = (SELECT max(u.id) FROM users u
			WHERE NOT EXISTS (SELECT FROM media_files x WHERE x.user_id = u.id)
			AND NOT EXISTS (SELECT FROM collections x WHERE x.user_id = u.id)
			AND NOT EXISTS (SELECT FROM comments x WHERE x.user_id = u.id)
			AND NOT EXISTS (SELECT FROM user_activity x WHERE x.user_id = u.id)
			AND NOT EXISTS (SELECT FROM notifications x WHERE x.user_id = u.id))`, []string{"rows of users", "users_ids_contiguous"}},
		{"media file missing", `UPDATE media_files SET id = 999999 WHERE id = (SELECT max(m.id) FROM media_files m
			WHERE NOT EXISTS (SELECT FROM collection_items x WHERE x.media_id = m.id)
			AND NOT EXISTS (SELECT FROM media_tags x WHERE x.media_id = m.id)
			AND NOT EXISTS (SELECT FROM comments x WHERE x.media_id = m.id))`,
			[]string{"rows of media_files", "media_files_ids_contiguous", "media_files_sequence_past_last_id"}},
		{"collection missing", unchecked + `DELETE FROM collections WHERE id = (SELECT max(collection_id) FROM collection_items);
			DELETE FROM collection_items WHERE collection_id = (SELECT max(collection_id) FROM collection_items)`,
			[]string{"rows of collections", "rows of collection_items", "collections_ids_contiguous"}},
		{"last item missing", `DELETE FROM collection_items WHERE collection_id = (SELECT max(collection_id) FROM collection_items) AND position =
			(SELECT max(position) FROM collection_items WHERE collection_id = (SELECT max(collection_id) FROM collection_items))`, []string{"rows of collection_items"}},
		{"tag missing", unchecked + `DELETE FROM tags WHERE id = 20; DELETE FROM media_tags WHERE tag_id = 20`,
			[]string{"rows of tags", "tags_ids_contiguous", "rows of media_tags"}},
		{"tag of a media file missing", `DELETE FROM media_tags WHERE (media_id, tag_id) = (SELECT media_id, tag_id FROM media_tags LIMIT 1)`,
			[]string{"rows of media_tags"}},
		{"comment missing", `DELETE FROM comments WHERE id = 10`, []string{"rows of comments", "comments_ids_contiguous"}},
		{"activity missing", `DELETE FROM user_activity WHERE id = 10`, []string{"rows of user_activity", "user_activity_ids_contiguous"}},
		{"notification missing", `DELETE FROM notifications WHERE id = 10`, []string{"rows of notifications", "notifications_ids_contiguous"}},

		// Weights.
		{"too many admins", `UPDATE users SET role = 'admin' WHERE id > 29 AND id % 10 = 0`, []string{"weight of users.role"}},
		{"role that nobody should have", `ALTER TABLE users DROP CONSTRAINT users_role_known; UPDATE users SET role = 'root' WHERE id = 100`,
			[]string{"weight of users.role"}},
		{"too many inactive users", `UPDATE users SET is_active = false WHERE id > 29 AND id % 10 = 0`, []string{"weight of users.is_active"}},
		{"too many public files", `UPDATE media_files SET is_public = true WHERE id % 3 = 0`, []string{"weight of media_files.is_public"}},
		{"sizes shifted", `UPDATE media_files SET size = 60000 WHERE id % 5 = 0`, []string{"weight of media_files.size"}},
		{"size outside all ranges", `UPDATE media_files SET size = 1 WHERE id = 100`, []string{"weight of media_files.size"}},
		{"too many png", `UPDATE media_files SET mime_type = 'image/png', filename = filename || '.png', original_name = original_name || '.png'
			WHERE mime_type = 'image/jpeg' AND id % 2 = 0`, []string{"weight of media_files.mime_type"}},
	}
}
