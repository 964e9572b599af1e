-- depends: 0004_rate
SELECT 1;
