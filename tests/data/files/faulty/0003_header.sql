-- transactionl: false
-- lock_timeout: 5s
SELECT 1;
