-- Clients as an address book holds them: people to speak to, notes, and a name and address in parts.
-- Comments on a track, each at a place in one of its versions.
--
-- The new columns of clients stand beside the old ones, of which none is dropped or filled from. created_by,
-- author_id and resolved_by are plain numbers, since the users that they name live in the master database.

ALTER TABLE clients
    ADD COLUMN first_name    varchar(100),
    ADD COLUMN last_name     varchar(100),
    ADD COLUMN middle_name   varchar(100),
    ADD COLUMN prefix        varchar(20),
    ADD COLUMN suffix        varchar(20),
    ADD COLUMN avatar_url    varchar(500),
    ADD COLUMN logo_url      varchar(500),
    ADD COLUMN phones        jsonb DEFAULT '[]',
    ADD COLUMN emails        jsonb DEFAULT '[]',
    ADD COLUMN websites      jsonb DEFAULT '[]',
    ADD COLUMN street        varchar(255),
    ADD COLUMN postal_code   varchar(20),
    ADD COLUMN region        varchar(100),
    ADD COLUMN birthday      date,
    ADD COLUMN gender        varchar(20),
    ADD COLUMN custom_fields jsonb DEFAULT '[]';

CREATE TABLE client_contacts (
    id         serial PRIMARY KEY,
    client_id  integer NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    first_name varchar(100) NOT NULL,
    last_name  varchar(100) NOT NULL,
    title      varchar(100),
    email      varchar(255),
    phone      varchar(50),
    is_primary boolean NOT NULL DEFAULT false,
    created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE client_notes (
    id         serial PRIMARY KEY,
    client_id  integer NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    note       text NOT NULL,
    created_at timestamp NOT NULL DEFAULT now(),
    created_by integer
);

-- The column timestamp is a place in the track, and not a time of day.
CREATE TABLE track_comments (
    id           serial PRIMARY KEY,
    track_id     integer NOT NULL REFERENCES tracks (id) ON DELETE CASCADE,
    version_type varchar(50) NOT NULL,
    author_id    integer NOT NULL,
    author_name  varchar(255) NOT NULL,
    author_type  varchar(50) NOT NULL DEFAULT 'client',
    content      text NOT NULL,
    timestamp    numeric(10,3) NOT NULL,
    parent_id    integer REFERENCES track_comments (id) ON DELETE CASCADE,
    status       varchar(50) NOT NULL DEFAULT 'open',
    is_edited    boolean NOT NULL DEFAULT false,
    edited_at    timestamp,
    resolved_by  integer,
    resolved_at  timestamp,
    created_at   timestamp NOT NULL DEFAULT now(),
    updated_at   timestamp NOT NULL DEFAULT now()
);
