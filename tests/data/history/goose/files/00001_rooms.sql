-- +goose Up
CREATE TABLE rooms (id int PRIMARY KEY);

-- +goose Down
DROP TABLE rooms;
