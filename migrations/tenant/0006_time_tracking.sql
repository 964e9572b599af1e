-- Time sheets. An entry keeps the hourly rate of its day, and stays when its session or project is deleted.

CREATE TABLE task_types (
    id          serial PRIMARY KEY,
    name        varchar(100) NOT NULL,
    description text,
    hourly_rate numeric(10,2) NOT NULL,
    category    varchar(50) NOT NULL DEFAULT 'billable',
    color       varchar(7),
    sort_order  integer NOT NULL DEFAULT 0,
    is_active   boolean NOT NULL DEFAULT true,
    created_at  timestamp NOT NULL DEFAULT now(),
    updated_at  timestamp NOT NULL DEFAULT now()
);

CREATE TABLE time_entries (
    id                   serial PRIMARY KEY,
    task_type_id         integer NOT NULL REFERENCES task_types (id),
    session_id           integer REFERENCES sessions (id) ON DELETE SET NULL,
    project_id           integer REFERENCES projects (id) ON DELETE SET NULL,
    start_time           timestamp NOT NULL,
    end_time             timestamp,
    duration_minutes     integer,
    hourly_rate_snapshot numeric(10,2) NOT NULL,
    manually_adjusted    boolean NOT NULL DEFAULT false,
    notes                text,
    created_by           integer,
    created_at           timestamp NOT NULL DEFAULT now(),
    updated_at           timestamp NOT NULL DEFAULT now()
);
