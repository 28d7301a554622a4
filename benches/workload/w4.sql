-- What an order holds is a mask of bits, one an add-on; few masks are left to be told apart. The
-- lines of an order are of one instant here.
WITH kinds AS (
  SELECT product_id, CASE kind WHEN 'core' THEN 1 WHEN 'add_on' THEN 1 << place ELSE 0 END AS bit, kind
  FROM (SELECT product_id, kind, (ROW_NUMBER() OVER (PARTITION BY kind ORDER BY product_id))::INT AS place FROM products)
), orders AS (
  SELECT order_id, ANY_VALUE(ordered_month) AS ordered_month, BIT_OR(bit) AS held
  FROM order_lines JOIN kinds USING (product_id) WHERE TRUE /* customers */ GROUP BY order_id
), monthly AS (
  SELECT ordered_month, held, COUNT(*) AS orders FROM orders WHERE held & 1 = 1 GROUP BY ALL
), masks AS (
  SELECT date_trunc('quarter', (ordered_month || '-01')::DATE)::DATE AS start, held, SUM(orders) AS orders
  FROM monthly GROUP BY ALL
), targets AS (
  SELECT product_id, bit FROM kinds WHERE kind = 'add_on'
  UNION ALL SELECT NULL, BIT_OR(bit) FROM kinds WHERE kind = 'add_on'
), quarters AS (
  SELECT q::DATE AS start FROM generate_series(TIMESTAMP '$start', TIMESTAMP '$end' - INTERVAL 1 MONTH, INTERVAL 3 MONTH) AS t(q)
)
SELECT q.start AS "period.start", t.product_id AS "attached",
       COALESCE(SUM(m.orders), 0)::BIGINT AS "baseUnits",
       COALESCE(SUM(m.orders) FILTER (WHERE m.held & t.bit <> 0), 0)::BIGINT AS "attachedUnits",
       "attachedUnits" / NULLIF("baseUnits", 0) AS "rate"
FROM quarters q CROSS JOIN targets t LEFT JOIN masks m ON m.start = q.start
GROUP BY q.start, t.product_id ORDER BY 1, 2 NULLS LAST
