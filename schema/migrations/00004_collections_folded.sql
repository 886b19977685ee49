-- +goose Up
-- Advanced search finds collections by name without case, whole or by a prefix.
CREATE INDEX collections_name_folded ON collections (lower(name) text_pattern_ops);

-- +goose Down
DROP INDEX collections_name_folded;
