-- The invoices page: the list with what is left to pay, and the lines of one invoice.
-- from: 0010

SELECT
    invoices.id,
    invoices.invoice_number,
    invoices.issue_date,
    invoices.due_date,
    invoices.status,
    invoices.subtotal,
    invoices.tax_rate,
    invoices.tax_amount,
    invoices.total,
    invoices.deposit_amount,
    invoices.deposit_paid_at,
    invoices.stripe_deposit_payment_intent_id,
    invoices.remaining_balance,
    invoices.pdf_s3_key,
    invoices.sent_at,
    invoices.paid_at,
    clients.name AS client
FROM invoices
JOIN clients ON clients.id = invoices.client_id
ORDER BY invoices.issue_date DESC
LIMIT 0;

SELECT invoice_items.description, invoice_items.quantity, invoice_items.unit_price, invoice_items.amount
FROM invoice_items
JOIN invoices ON invoices.id = invoice_items.invoice_id
LIMIT 0;
