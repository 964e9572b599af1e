-- migrate:up
ALTER TABLE rooms ADD rate numeric(10,2)

-- migrate:down

