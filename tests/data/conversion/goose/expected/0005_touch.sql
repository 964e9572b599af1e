-- source: goose 2

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.name := trim(NEW.name);
    RETURN NEW;
END;
$$;

CREATE TRIGGER touch BEFORE INSERT ON rooms FOR EACH ROW EXECUTE FUNCTION touch();
