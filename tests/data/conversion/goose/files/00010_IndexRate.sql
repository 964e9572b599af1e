-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX CONCURRENTLY rooms_id_name ON rooms (id, name);

-- +goose Down
DROP INDEX CONCURRENTLY rooms_id_name;
