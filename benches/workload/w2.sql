-- Balances at both ends of twelve months, from the snapshots. One row a customer with a column a
-- month is quicker here than a join of the balances with themselves; the script writes a line a month.
WITH balances AS (
  SELECT customer_id,
         $balances
  FROM snapshots WHERE TRUE /* customers */ GROUP BY customer_id
), sums AS (
  SELECT segment,
         $sums
  FROM balances LEFT JOIN customers USING (customer_id) GROUP BY segment
), windows AS (
  $windows
)
SELECT start AS "period.start", segment,
       (COALESCE(opening, 0) / 100)::DECIMAL(18, 2) AS "cohortStartingMrr",
       (COALESCE(closing, 0) / 100)::DECIMAL(18, 2) AS "retainedMrr",
       COALESCE(closing, 0) / NULLIF(opening, 0) AS "nrr", customers AS "customers"
FROM windows ORDER BY 1, 2 NULLS LAST
