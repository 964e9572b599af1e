-- source: goose 2

DROP TRIGGER touch ON rooms;
DROP FUNCTION touch();
