(SELECT sum(hashtextextended(CAST(mapping AS text), 0)) FROM pg_user_mappings AS mapping)
