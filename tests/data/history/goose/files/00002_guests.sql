-- +goose Up
CREATE TABLE guests (id int PRIMARY KEY);

-- +goose Down
DROP TABLE guests;
