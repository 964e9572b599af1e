COMMENT ON TABLE rooms IS '${studio}';
