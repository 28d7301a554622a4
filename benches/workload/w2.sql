-- Balances at both ends of twelve months, from the snapshots. A bit a month tells when a customer
-- was active, which is quicker here than a join of the balances with themselves (and than a column
-- a month). In this warehouse no snapshot's row is zero or below.
WITH snapshot AS (
  SELECT customer_id, cents, (YEAR(month) - YEAR(DATE '$start')) * 12 + MONTH(month) - MONTH(DATE '$start') AS n
  FROM snapshots WHERE TRUE /* customers */
), masks AS (
  SELECT customer_id, BIT_OR(1::BIGINT << n) AS active FROM snapshot GROUP BY customer_id
), known AS (
  SELECT masks.*, segment FROM masks LEFT JOIN customers USING (customer_id)
), sums AS (
  SELECT n, segment, SUM(cents) AS total, SUM(CASE WHEN n >= 12 AND (active >> (n - 12)) & 1 = 1 THEN cents END) AS kept
  FROM snapshot JOIN known USING (customer_id) GROUP BY ALL
), months AS (
  SELECT UNNEST(RANGE(0, DATEDIFF('month', DATE '$start', DATE '$end'))) AS n
), heads AS (
  SELECT n, segment, COUNT(*) AS customers FROM known, months WHERE (active >> n) & 1 = 1 GROUP BY ALL
), windows AS (
  SELECT n, segment FROM months, (SELECT DISTINCT segment FROM known) WHERE n >= 12
)
SELECT (DATE '$start' + to_months(w.n::INT))::DATE AS "period.start", w.segment AS segment,
       (COALESCE(opening.total, 0) / 100)::DECIMAL(18, 2) AS "cohortStartingMrr",
       (COALESCE(closing.kept, 0) / 100)::DECIMAL(18, 2) AS "retainedMrr",
       COALESCE(closing.kept, 0) / NULLIF(opening.total, 0) AS "nrr", COALESCE(customers, 0) AS "customers"
FROM windows w
LEFT JOIN sums opening ON opening.n = w.n - 12 AND opening.segment IS NOT DISTINCT FROM w.segment
LEFT JOIN sums closing ON closing.n = w.n AND closing.segment IS NOT DISTINCT FROM w.segment
LEFT JOIN heads ON heads.n = w.n - 12 AND heads.segment IS NOT DISTINCT FROM w.segment
ORDER BY 1, 2 NULLS LAST
