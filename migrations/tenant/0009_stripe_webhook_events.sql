-- The events of the payment service that were dealt with.
--
-- It may send an event more than once; the unique event_id keeps it from being dealt with twice, which is why the row
-- of an event stays when its invoice is deleted.

CREATE TABLE stripe_webhook_events (
    id           serial PRIMARY KEY,
    event_id     varchar(255) NOT NULL UNIQUE,
    event_type   varchar(100) NOT NULL,
    processed_at timestamp NOT NULL DEFAULT now(),
    invoice_id   integer REFERENCES invoices (id) ON DELETE SET NULL,
    created_at   timestamp NOT NULL DEFAULT now()
);
