-- The reports page: income and deposits by month, hours by project, talent by type.
-- from: 0010

SELECT
    date_trunc('month', invoices.issue_date) AS month,
    sum(invoices.total) AS invoiced,
    sum(invoices.deposit_amount) AS deposits,
    sum(invoices.remaining_balance) AS outstanding
FROM invoices
GROUP BY date_trunc('month', invoices.issue_date)
LIMIT 0;

SELECT
    projects.name AS project,
    sum(sessions.total_amount) AS booked,
    count(*) FILTER (WHERE sessions.payment_status = 'unpaid') AS unpaid
FROM projects
JOIN sessions ON sessions.project_id = projects.id
GROUP BY projects.name
LIMIT 0;

SELECT musicians.talent_type, count(DISTINCT track_credits.track_id) AS tracks
FROM musicians
LEFT JOIN track_credits ON track_credits.musician_id = musicians.id
GROUP BY musicians.talent_type
LIMIT 0;
