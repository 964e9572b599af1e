-- Indexes on the foreign keys that the list pages filter by; PostgreSQL makes none for a foreign key by itself.
--
-- Plain CREATE INDEX, so that the file is applied whole or not at all. It holds a SHARE lock on each table until the
-- commit: reads go on, writes wait.
--
-- lint: allow index because the tables hold the rows of one studio, so that the wait is short

-- The pages of a client.

CREATE INDEX projects_client_id_idx
    ON projects (client_id);

CREATE INDEX sessions_client_id_idx
    ON sessions (client_id);

CREATE INDEX invoices_client_id_idx
    ON invoices (client_id);

CREATE INDEX payments_client_id_idx
    ON payments (client_id);

CREATE INDEX quotes_client_id_idx
    ON quotes (client_id);

CREATE INDEX contracts_client_id_idx
    ON contracts (client_id);

CREATE INDEX notifications_client_id_idx
    ON notifications (client_id);

CREATE INDEX payment_transactions_client_id_idx
    ON payment_transactions (client_id);

CREATE INDEX client_contacts_client_id_idx
    ON client_contacts (client_id);

CREATE INDEX client_notes_client_id_idx
    ON client_notes (client_id);

CREATE INDEX client_portal_activity_logs_client_id_idx
    ON client_portal_activity_logs (client_id);

-- The pages of a project and of a track.

CREATE INDEX tracks_project_id_idx
    ON tracks (project_id);

CREATE INDEX quotes_project_id_idx
    ON quotes (project_id);

CREATE INDEX contracts_project_id_idx
    ON contracts (project_id);

CREATE INDEX expenses_project_id_idx
    ON expenses (project_id);

CREATE INDEX time_entries_project_id_idx
    ON time_entries (project_id);

CREATE INDEX track_credits_track_id_idx
    ON track_credits (track_id);

CREATE INDEX track_comments_track_id_idx
    ON track_comments (track_id);

CREATE INDEX time_entries_track_id_idx
    ON time_entries (track_id);

-- The pages of a room, of a session and of a musician.

CREATE INDEX sessions_room_id_idx
    ON sessions (room_id);

CREATE INDEX equipment_room_id_idx
    ON equipment (room_id);

CREATE INDEX payment_transactions_session_id_idx
    ON payment_transactions (session_id);

CREATE INDEX time_entries_session_id_idx
    ON time_entries (session_id);

CREATE INDEX track_credits_musician_id_idx
    ON track_credits (musician_id);

-- The lines of an invoice and of a quote.

CREATE INDEX invoice_items_invoice_id_idx
    ON invoice_items (invoice_id);

CREATE INDEX payments_invoice_id_idx
    ON payments (invoice_id);

CREATE INDEX quote_items_quote_id_idx
    ON quote_items (quote_id);
