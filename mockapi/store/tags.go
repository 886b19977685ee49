package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// MediaTags implements mockapi.MediaStore.
func (s *Store) MediaTags(ctx context.Context, v mockapi.Viewer, mediaID int64) ([]mockapi.Tag, error) {
	var tags []mockapi.Tag
	err := s.read(ctx, "list tags of media file", func(ctx context.Context, c *pgx.Conn) error {
		if err := maySee(ctx, c, v, noMedia, mediaOwner, mediaID); err != nil {
			return err
		}
		var err error
		tags, err = tagsOf(ctx, c, mediaID)
		return err
	})
	return tags, err
}

func tagsOf(ctx context.Context, q querier, mediaID int64) ([]mockapi.Tag, error) {
	const sql = "SELECT " + tagColumns + " FROM media_tags JOIN tags ON id = tag_id WHERE media_id = $1 ORDER BY name"
	tags := []mockapi.Tag{}
	_, err := query(ctx, q, sql, []any{mediaID}, func(r *row) {
		var t mockapi.Tag
		scanTag(r, &t)
		tags = append(tags, t)
	})
	return tags, err
}

// AddMediaTags implements mockapi.MediaStore. Names are lower-cased and stripped of spaces around them.
func (s *Store) AddMediaTags(ctx context.Context, v mockapi.Viewer, mediaID int64, names []string) ([]mockapi.Tag, error) {
	// A name that exists must not reach the INSERT, where it would use up an id. Two writers of the same new
	// name meet at the unique index, always in the order of the names, so that neither waits for the other.
	const makeTags = `INSERT INTO tags (name) SELECT name FROM unnest($1::text[]) name
		WHERE NOT EXISTS (SELECT FROM tags t WHERE t.name = name.name) ORDER BY name ON CONFLICT DO NOTHING`
	const tagMedia = `INSERT INTO media_tags (media_id, tag_id) SELECT $1, id FROM tags WHERE name = ANY ($2) ORDER BY id
		ON CONFLICT DO NOTHING`
	names, err := tagNames(names)
	if err != nil {
		return nil, err
	}
	var tags []mockapi.Tag
	err = s.tx(ctx, "tag media file", func(ctx context.Context, tx pgx.Tx) error {
		if err := mayChange(ctx, tx, v, noMedia, mediaOwner, mediaID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, makeTags, names); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, tagMedia, mediaID, names); err != nil {
			return err
		}
		var err error
		tags, err = tagsOf(ctx, tx, mediaID)
		return err
	})
	return tags, err
}

// tagNames tidies the names of tags.
func tagNames(names []string) ([]string, error) {
	if len(names) == 0 || len(names) > mockapi.MaxTags {
		return nil, invalid("tags", fmt.Sprintf("must be 1 to %d names", mockapi.MaxTags))
	}
	tidy := make([]string, 0, len(names))
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if n := utf8.RuneCountInString(name); n == 0 || n > mockapi.MaxTag {
			return nil, invalid("tags", fmt.Sprintf("must have 1 to %d characters each", mockapi.MaxTag))
		}
		tidy = append(tidy, name)
	}
	slices.Sort(tidy)
	return slices.Compact(tidy), nil
}

// RemoveMediaTag implements mockapi.MediaStore.
func (s *Store) RemoveMediaTag(ctx context.Context, v mockapi.Viewer, mediaID int64, name string) error {
	const q = `DELETE FROM media_tags mt USING tags t, media_files m
		WHERE mt.media_id = $1 AND mt.tag_id = t.id AND t.name = $2 AND m.id = mt.media_id AND ($3 OR m.user_id = $4)`
	return s.write(ctx, "untag media file", func(ctx context.Context, c *pgx.Conn) error {
		tag, err := c.Exec(ctx, q, mediaID, strings.ToLower(strings.TrimSpace(name)), v.IsAdmin(), v.UserID)
		if err != nil || tag.RowsAffected() > 0 {
			return err
		}
		if err := mayChange(ctx, c, v, noMedia, mediaOwner, mediaID); err != nil {
			return err
		}
		return mockapi.Errorf(mockapi.CodeNotFound, "the file does not have this tag")
	})
}

// Tags implements mockapi.MediaStore.
func (s *Store) Tags(ctx context.Context, prefix string, p mockapi.PageRequest) (mockapi.Page[mockapi.Tag], error) {
	var found mockapi.Page[mockapi.Tag]
	w, err := newWindow(p, orderName)
	if err != nil {
		return found, err
	}
	list := from("FROM tags")
	if prefix != "" {
		list.and("starts_with(name, $)", strings.ToLower(prefix))
	}
	counted, args := list.String(), list.args
	if w.after != nil {
		list.and("name > $", w.after.text)
	}
	sql := "SELECT " + tagColumns + " " + list.String() + " ORDER BY name LIMIT " + list.param(w.rows()) + " OFFSET " + list.param(w.offset)
	err = s.read(ctx, "list tags", func(ctx context.Context, c *pgx.Conn) error {
		items, err := collect(ctx, c, w, sql, list.args, func(r *row, t, _ *mockapi.Tag) { scanTag(r, t) })
		if err != nil {
			return err
		}
		found = page(items, w, func(t *mockapi.Tag) cursor { return cursor{order: orderName, text: t.Name, id: t.ID} })
		if found.TotalKind == "" {
			found.Total, found.TotalKind, err = s.totals.cappedTotal(ctx, c, counted+prefix, counted, args)
		}
		return err
	})
	return found, err
}

// tagInfo is a tag's id, 0 where there is none of that name, and how many files have it.
type tagInfo struct{ id, files int64 }

// tagNamed finds a tag by name and counts its files up to most.
func tagNamed(ctx context.Context, q querier, name string, most int) (t tagInfo, err error) {
	const sql = "SELECT id, (SELECT count(*) FROM (SELECT FROM media_tags WHERE tag_id = id LIMIT $2) AS files) FROM tags WHERE name = $1"
	_, err = query(ctx, q, sql, []any{strings.ToLower(name), most}, func(r *row) { t = tagInfo{r.int64(), r.int64()} })
	return t, err
}
