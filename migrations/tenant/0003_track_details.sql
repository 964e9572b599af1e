-- What is known of a track: its versions, who holds the rights, its mood and language, and how it was recorded.
--
-- Columns without a default, or with a constant one, are an entry in the catalog: no table is rewritten. The foreign
-- key is not checked either, since a new column without a default holds nothing to check.

ALTER TABLE tracks
    ADD COLUMN demo_url            varchar(500),
    ADD COLUMN rough_mix_url       varchar(500),
    ADD COLUMN final_mix_url       varchar(500),
    ADD COLUMN master_url          varchar(500),
    ADD COLUMN composer            varchar(300),
    ADD COLUMN lyricist            varchar(300),
    ADD COLUMN copyright_holder    varchar(300),
    ADD COLUMN copyright_year      integer,
    ADD COLUMN genre_tags          text,
    ADD COLUMN mood                varchar(100),
    ADD COLUMN language            varchar(50) DEFAULT 'fr',
    ADD COLUMN explicit_content    boolean DEFAULT false,
    ADD COLUMN patch_preset        text,
    ADD COLUMN instruments_used    text,
    ADD COLUMN microphones_used    text,
    ADD COLUMN effects_chain       text,
    ADD COLUMN daw_session_path    varchar(500),
    ADD COLUMN recorded_in_room_id integer REFERENCES rooms (id);
