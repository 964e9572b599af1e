\i rooms.sql
