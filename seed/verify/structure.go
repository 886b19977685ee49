package verify

import (
	"fmt"
	"strings"

	"github.com/medianest/testbed/schema"
)

// secondaryIndexes names the indexes that the migrations create beside the primary keys. The seeder drops
// them while it loads, so they are what is missing after a load that was broken off.
func secondaryIndexes() []string {
	return []string{
		"users_email_key",
		"media_files_newest", "media_files_owner", "media_files_mime_type", "media_files_largest",
		"media_files_most_viewed", "media_files_text", "media_files_public_newest", "media_files_private",
		"collections_newest", "collections_owner", "collections_name", "collections_name_folded", "collections_public_newest", "collections_private",
		"collection_items_media",
		"tags_name_key", "media_tags_tag",
		"comments_media", "comments_author",
		"user_activity_user", "user_activity_time",
		"notifications_user",
		"sessions_user", "sessions_expiry", "sessions_revoked",
	}
}

// structure returns the invariants of the schema itself: what the migrations made is there and in force,
// and every reference leads to a row. References are followed row by row, because a constraint that is
// missing or was never validated vouches for nothing.
func structure(tables []schema.Table) []invariant {
	list := []invariant{
		{
			name: "load_finished", description: "no index or foreign key is still owed by a load",
			query: `SELECT kind || ' ' || name || ' of ' || table_name FROM seed_deferred`,
		},
		{
			name: "indexes_present", description: "every index exists and is valid",
			query: `SELECT want.name FROM unnest(` + textArray(secondaryIndexes()) + `) AS want(name)
				LEFT JOIN pg_index i ON i.indexrelid = to_regclass(want.name)
				WHERE i.indexrelid IS NULL OR NOT i.indisvalid OR NOT i.indisready`,
		},
		primaryKeysPresent(tables),
		foreignKeysPresent(tables),
	}
	for _, t := range tables {
		for _, fk := range t.ForeignKeys {
			list = append(list, noOrphans(t, fk))
		}
	}
	for _, t := range tables {
		if t.Identity {
			list = append(list, sequencePastLast(t))
		}
	}
	return list
}

func primaryKeysPresent(tables []schema.Table) invariant {
	var want []string
	for _, t := range tables {
		want = append(want, fmt.Sprintf("('%s', '%s')", t.Name, strings.Join(t.PrimaryKey, ",")))
	}
	return invariant{
		name: "primary_keys_present", description: "every table has its primary key, valid",
		query: `SELECT want.t || ' (' || want.cols || ')' FROM (VALUES ` + strings.Join(want, ", ") + `) AS want(t, cols)
			WHERE NOT EXISTS (
				SELECT FROM pg_constraint c JOIN pg_index i ON i.indexrelid = c.conindid
				WHERE c.conrelid = to_regclass(want.t) AND c.contype = 'p' AND i.indisvalid AND i.indisready
				AND want.cols = (
					SELECT string_agg(a.attname, ',' ORDER BY k.place)
					FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)
					JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum))`,
	}
}

func foreignKeysPresent(tables []schema.Table) invariant {
	var want []string
	for _, t := range tables {
		for _, fk := range t.ForeignKeys {
			want = append(want, fmt.Sprintf("('%s', '%s', '%s')", t.Name, fk.Column, fk.References))
		}
	}
	return invariant{
		name: "foreign_keys_present", description: "every foreign key exists and has been validated",
		query: `SELECT want.t || '.' || want.col || ' -> ' || want.parent
			FROM (VALUES ` + strings.Join(want, ", ") + `) AS want(t, col, parent)
			WHERE NOT EXISTS (
				SELECT FROM pg_constraint c
				JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] AND a.attname = want.col
				WHERE c.conrelid = to_regclass(want.t) AND c.confrelid = to_regclass(want.parent)
				AND c.contype = 'f' AND c.convalidated)`,
	}
}

func noOrphans(t schema.Table, fk schema.ForeignKey) invariant {
	return invariant{
		name:        t.Name + "_" + fk.Column + "_exists",
		description: fmt.Sprintf("%s.%s leads to a row of %s", t.Name, fk.Column, fk.References),
		query: fmt.Sprintf(`SELECT %s || ' -> ' || coalesce(r.%s::text, 'NULL') FROM %s r
			LEFT JOIN %s parent ON parent.id = r.%[2]s WHERE parent.id IS NULL`, keyOf(t, "r"), fk.Column, t.Name, fk.References),
	}
}

// sequencePastLast reads the sequence itself: pg_sequences shows nothing for one that was set but not
// drawn from since.
func sequencePastLast(t schema.Table) invariant {
	return invariant{
		name:        t.Name + "_sequence_past_last_id",
		description: fmt.Sprintf("the next id drawn for %s is free", t.Name),
		query: fmt.Sprintf(`SELECT 'next ' || s.next || ', last ' || r.last
			FROM (SELECT last_value + is_called::int AS next FROM %[1]s_id_seq) s, (SELECT max(id) AS last FROM %[1]s) r
			WHERE s.next <= r.last`, t.Name),
	}
}

// keyOf is an SQL expression of type text that names row alias of t by its primary key.
func keyOf(t schema.Table, alias string) string {
	parts := make([]string, len(t.PrimaryKey))
	for i, c := range t.PrimaryKey {
		parts[i] = alias + "." + c + "::text"
	}
	return strings.Join(parts, " || '/' || ")
}

func textArray(items []string) string {
	return "ARRAY['" + strings.Join(items, "', '") + "']"
}
