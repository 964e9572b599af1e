-- +goose Up
CREATE TABLE bills (id int PRIMARY KEY);

-- +goose Down
DROP TABLE bills;
