-- Balances at each quarter's end by region.
SELECT CAST(CAST(period_start AS DATE) AS VARCHAR) AS "period", region,
       SUM(closing) AS "mrr", 12 * SUM(closing) AS "arr",
       COUNT(CASE WHEN closing > 0 THEN 1 END) AS "active_customers",
       CAST(100 * SUM(closing) AS DOUBLE)
         / NULLIF(CAST(100 * COUNT(CASE WHEN closing > 0 THEN 1 END) AS DOUBLE), 0) AS "arpa"
FROM units JOIN customers ON customers.customer_id = units.customer_id
WHERE kind = 'period'
GROUP BY period_start, region
ORDER BY period_start, region NULLS LAST
