-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.name := trim(NEW.name);
    RETURN NEW;
END;
$$
-- +goose StatementEnd

CREATE TRIGGER touch BEFORE INSERT ON rooms FOR EACH ROW EXECUTE FUNCTION touch();

-- +goose Down
-- +goose StatementBegin
DROP TRIGGER touch ON rooms;
DROP FUNCTION touch();
-- +goose StatementEnd
