-- Orders with a core product, by the quarter of their earliest line, and which of them hold the add-on.
WITH targets AS (
  SELECT product_id, name FROM products WHERE kind = 'add_on'
  UNION ALL SELECT CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR)
), lines AS (
  SELECT l.order_id, l.product_id, CAST(l.ordered_at AS TIMESTAMP) AS at, p.kind
  FROM order_lines l JOIN products p ON p.product_id = l.product_id
), bases AS (
  SELECT order_id, MIN(at) AS at FROM lines GROUP BY order_id
  HAVING COUNT(CASE WHEN kind = 'core' THEN 1 END) > 0
), pairs AS (
  SELECT a.product_id, b.order_id AS unit, b.at,
         COUNT(CASE WHEN l.kind = 'add_on' AND l.product_id = COALESCE(a.product_id, l.product_id) THEN 1 END) > 0 AS attached
  FROM bases b CROSS JOIN targets a JOIN lines l ON l.order_id = b.order_id
  GROUP BY a.product_id, b.order_id, b.at
)
SELECT CAST(CAST(q.s AS DATE) AS VARCHAR) AS "period.start", a.product_id AS "attached", a.name AS "attachedName",
       COUNT(b.unit) AS "baseUnits", COUNT(CASE WHEN b.attached THEN 1 END) AS "attachedUnits",
       CAST(COUNT(CASE WHEN b.attached THEN 1 END) AS DOUBLE) / NULLIF(CAST(COUNT(b.unit) AS DOUBLE), 0) AS "rate", TRUE AS "mature"
FROM quarters q CROSS JOIN targets a
LEFT JOIN pairs b ON (b.product_id IS NOT DISTINCT FROM a.product_id) AND b.at >= q.s AND b.at < q.e
GROUP BY q.s, a.product_id, a.name
ORDER BY q.s, a.product_id NULLS LAST
