-- The sessions page: what it lists, and what one session shows. No row is wanted, only that the query runs.
-- from: 0010

SELECT
    sessions.id,
    sessions.title,
    sessions.description,
    sessions.start_time,
    sessions.end_time,
    sessions.status,
    sessions.total_amount,
    sessions.deposit_amount,
    sessions.deposit_paid,
    sessions.payment_status,
    sessions.stripe_checkout_session_id,
    sessions.stripe_payment_intent_id,
    clients.name AS client,
    rooms.name AS room,
    projects.name AS project
FROM sessions
JOIN clients ON clients.id = sessions.client_id
JOIN rooms ON rooms.id = sessions.room_id
LEFT JOIN projects ON projects.id = sessions.project_id
ORDER BY sessions.start_time DESC
LIMIT 0;

-- A deposit that is paid has an amount.
SELECT count(*) = 0 AS deposits_have_amounts
FROM sessions
WHERE deposit_paid AND deposit_amount IS NULL;
