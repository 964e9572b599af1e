-- Messages of the application, each of which may be about a client, a project, a session or an invoice.

CREATE TABLE notifications (
    id           serial PRIMARY KEY,
    type         varchar(50) NOT NULL,
    priority     varchar(50) NOT NULL DEFAULT 'normal',
    title        varchar(255) NOT NULL,
    message      text NOT NULL,
    action_url   varchar(500),
    action_label varchar(100),
    metadata     text,
    is_read      boolean NOT NULL DEFAULT false,
    read_at      timestamp,
    client_id    integer REFERENCES clients (id),
    project_id   integer REFERENCES projects (id),
    session_id   integer REFERENCES sessions (id),
    invoice_id   integer REFERENCES invoices (id),
    created_at   timestamp NOT NULL DEFAULT now(),
    updated_at   timestamp NOT NULL DEFAULT now()
);
