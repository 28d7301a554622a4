-- Customers by their first core order ever, and who bought the add-on with it or within 60 days after it.
WITH targets AS (
  SELECT product_id, name FROM products WHERE kind = 'add_on'
  UNION ALL SELECT CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR)
), orders AS (
  SELECT order_id, customer_id, MIN(CAST(ordered_at AS TIMESTAMP)) AS at FROM order_lines GROUP BY order_id, customer_id
), lines AS (
  SELECT o.*, p.product_id, p.kind
  FROM orders o JOIN order_lines l ON l.order_id = o.order_id JOIN products p ON p.product_id = l.product_id
), bases AS (
  SELECT customer_id, MIN(at) AS at FROM lines WHERE kind = 'core' GROUP BY customer_id
), pairs AS (
  SELECT a.product_id, b.customer_id AS unit, b.at,
         COUNT(CASE WHEN l.kind = 'add_on' AND l.product_id = COALESCE(a.product_id, l.product_id) AND l.at >= b.at
                     AND CAST(CAST(l.at AS DATE) AS INT) - CAST(CAST(b.at AS DATE) AS INT) <= 60 THEN 1 END) > 0 AS attached
  FROM bases b CROSS JOIN targets a JOIN lines l ON l.customer_id = b.customer_id
  GROUP BY a.product_id, b.customer_id, b.at
)
SELECT CAST(CAST(q.s AS DATE) AS VARCHAR) AS "period.start", a.product_id AS "attached", a.name AS "attachedName",
       COUNT(b.unit) AS "baseUnits", COUNT(CASE WHEN b.attached THEN 1 END) AS "attachedUnits",
       CAST(COUNT(CASE WHEN b.attached THEN 1 END) AS DOUBLE) / NULLIF(CAST(COUNT(b.unit) AS DOUBLE), 0) AS "rate",
       q.e + INTERVAL '60 days' <= (SELECT date_trunc('day', MAX(at)) + INTERVAL '1 day' FROM orders) AS "mature"
FROM quarters q CROSS JOIN targets a
LEFT JOIN pairs b ON (b.product_id IS NOT DISTINCT FROM a.product_id) AND b.at >= q.s AND b.at < q.e
GROUP BY q.s, q.e, a.product_id, a.name
ORDER BY q.s, a.product_id NULLS LAST
