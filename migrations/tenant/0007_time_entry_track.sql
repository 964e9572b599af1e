-- Time can be booked on a track too, and stays when the track is deleted.
--
-- The column is new and empty: no row is checked and no table is rewritten.

ALTER TABLE time_entries
    ADD COLUMN track_id integer REFERENCES tracks (id) ON DELETE SET NULL;
