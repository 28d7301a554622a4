-- Customers with a balance of core products at the quarter's end, and which of them have one of the add-on.
WITH targets AS (
  SELECT product_id, name FROM products WHERE kind = 'add_on'
  UNION ALL SELECT CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR)
), pairs AS (
  SELECT q.s, a.product_id, m.customer_id AS unit,
         SUM(CASE WHEN p.kind = 'core' THEN m.amount ELSE 0 END) > 0 AS base,
         SUM(CASE WHEN p.kind = 'add_on' AND p.product_id = COALESCE(a.product_id, p.product_id)
                  THEN m.amount ELSE 0 END) > 0 AS attached
  FROM quarters q CROSS JOIN targets a
  JOIN mrr_movements m ON m.occurred_at < q.e
  JOIN products p ON p.product_id = m.product_id
  GROUP BY q.s, a.product_id, m.customer_id
)
SELECT CAST(CAST(q.s AS DATE) AS VARCHAR) AS "period.start", a.product_id AS "attached", a.name AS "attachedName",
       COUNT(b.unit) AS "baseUnits", COUNT(CASE WHEN b.attached THEN 1 END) AS "attachedUnits",
       CAST(COUNT(CASE WHEN b.attached THEN 1 END) AS DOUBLE) / NULLIF(CAST(COUNT(b.unit) AS DOUBLE), 0) AS "rate", TRUE AS "mature"
FROM quarters q CROSS JOIN targets a
LEFT JOIN pairs b ON (b.product_id IS NOT DISTINCT FROM a.product_id) AND b.s = q.s AND b.base
GROUP BY q.s, a.product_id, a.name
ORDER BY q.s, a.product_id NULLS LAST
