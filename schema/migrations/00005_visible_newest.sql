-- +goose Up
-- A list of what a viewer sees, newest first, is merged from everybody's public rows and the viewer's own private
-- ones, so that other people's private rows, which a test may upload by the million, are never walked through.
CREATE INDEX media_files_public_newest ON media_files (created_at DESC, id DESC) WHERE is_public;
CREATE INDEX media_files_private ON media_files (user_id, created_at DESC, id DESC) WHERE NOT is_public;
CREATE INDEX collections_public_newest ON collections (created_at DESC, id DESC) WHERE is_public;
CREATE INDEX collections_private ON collections (user_id, created_at DESC, id DESC) WHERE NOT is_public;

-- +goose Down
DROP INDEX media_files_public_newest, media_files_private, collections_public_newest, collections_private;
