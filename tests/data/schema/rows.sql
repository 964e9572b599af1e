-- Rows for a tenant at 0009, in the tables that 0010 and 0011 touch: enough for several pages in each.
INSERT INTO clients (name)
VALUES ('Ada');

INSERT INTO rooms (name, hourly_rate)
VALUES ('A', 80.00);

INSERT INTO projects (client_id, name)
SELECT 1, 'Project ' || n
FROM generate_series(1, 1000) AS n;

INSERT INTO sessions (client_id, room_id, title, start_time, end_time)
SELECT 1, 1, 'Session ' || n, now(), now() + interval '1 hour'
FROM generate_series(1, 1000) AS n;

INSERT INTO invoices (invoice_number, client_id, due_date, subtotal, tax_amount, total)
SELECT 'INV-' || n, 1, now(), 100.00, 20.00, 120.00
FROM generate_series(1, 1000) AS n;

INSERT INTO musicians (name)
SELECT 'Musician ' || n
FROM generate_series(1, 1000) AS n;
