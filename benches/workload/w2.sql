-- Balances at both ends of twelve months, from the snapshots: one row a customer, one column a
-- month would need the months in the text; opening and closing balances meet by customer and month.
WITH balances AS (
  SELECT customer_id, month, SUM(cents) AS cents FROM snapshots WHERE TRUE /* customers */ GROUP BY ALL
), pairs AS (
  SELECT o.customer_id, o.month + INTERVAL 12 MONTH AS month, o.cents AS opening, COALESCE(c.cents, 0) AS closing
  FROM balances o
  LEFT JOIN balances c ON c.customer_id = o.customer_id AND c.month = (o.month + INTERVAL 12 MONTH)::DATE
  WHERE o.month < DATE '$end' - INTERVAL 12 MONTH
), rates AS (
  SELECT month, segment, SUM(opening) AS opening, SUM(closing) AS closing, COUNT(*) AS customers
  FROM pairs LEFT JOIN customers USING (customer_id) GROUP BY ALL
)
SELECT month::DATE AS "period.start", segment,
       (opening / 100)::DECIMAL(18, 2) AS "cohortStartingMrr", (closing / 100)::DECIMAL(18, 2) AS "retainedMrr",
       closing / NULLIF(opening, 0) AS "nrr", customers AS "customers"
FROM rates ORDER BY 1, 2 NULLS LAST
