-- The thirteen columns that the application reads and that no earlier migration brings.
--
-- No table is rewritten or scanned. A column without a default, or with a constant one, is an entry in the catalog
-- alone: the rows that are there stay as they are and are read with the default. The foreign key is NOT VALID: from
-- the commit on it holds for every row that is written, and 0011 checks the rows that are there.
--
-- The locks are held until the commit, and a wait for one of them keeps those before it. Once all are granted, the
-- commit follows within milliseconds, however many rows there are:
--   ACCESS EXCLUSIVE on sessions, invoices and musicians, for ADD COLUMN; reads and writes wait.
--   SHARE ROW EXCLUSIVE on projects, for the triggers of the foreign key; writes wait, reads go on.

ALTER TABLE sessions
    ADD COLUMN project_id                 integer,
    ADD COLUMN deposit_amount             numeric(10,2),
    ADD COLUMN deposit_paid               boolean NOT NULL DEFAULT false,
    ADD COLUMN payment_status             varchar(50) NOT NULL DEFAULT 'unpaid',
    ADD COLUMN stripe_checkout_session_id varchar(255),
    ADD COLUMN stripe_payment_intent_id   varchar(255);

ALTER TABLE sessions
    ADD CONSTRAINT sessions_project_id_fkey
    FOREIGN KEY (project_id)
    REFERENCES projects (id)
    ON DELETE SET NULL
    NOT VALID;

ALTER TABLE invoices
    ADD COLUMN deposit_amount                   numeric(10,2),
    ADD COLUMN deposit_paid_at                  timestamp,
    ADD COLUMN stripe_deposit_payment_intent_id varchar(255),
    ADD COLUMN remaining_balance                numeric(10,2),
    ADD COLUMN pdf_s3_key                       text,
    ADD COLUMN sent_at                          timestamp;

ALTER TABLE musicians
    ADD COLUMN talent_type varchar(50) NOT NULL DEFAULT 'musician';

-- No CHECK constraint says so: checking it would scan musicians under the lock of ADD COLUMN.
COMMENT ON COLUMN musicians.talent_type
    IS 'musician or actor';
