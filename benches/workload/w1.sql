-- A customer changes in few months: totals are carried from month to month, and only customers who
-- moved are looked at. In this warehouse a customer's first movement makes them active.
WITH moved AS (
  SELECT customer_id, occurred_month, SUM(cents) AS net,
         SUM(CASE WHEN movement = 'expansion' THEN cents ELSE 0 END) AS expansion,
         SUM(CASE WHEN movement = 'contraction' THEN -cents ELSE 0 END) AS contraction,
         SUM(CASE WHEN movement = 'churn' THEN -cents ELSE 0 END) AS churn,
         SUM(CASE WHEN movement IN ('new', 'reactivation') THEN cents ELSE 0 END) AS returned
  FROM ledger WHERE TRUE /* customers */ GROUP BY ALL
), running AS (
  SELECT *, SUM(net) OVER earlier AS before
  FROM moved WINDOW earlier AS (PARTITION BY customer_id ORDER BY occurred_month ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), units AS (
  SELECT occurred_month, net, expansion, contraction, churn, returned,
         COALESCE(before, 0) AS opening, COALESCE(before, 0) + net AS closing,
         COALESCE(before, 0) > 0 AS cohort, before IS NOT NULL AS active_before
  FROM running
), monthly AS (
  SELECT occurred_month,
         SUM(net) AS net,
         SUM(CASE WHEN NOT cohort AND NOT active_before THEN net ELSE 0 END) AS new,
         SUM(CASE WHEN cohort THEN returned WHEN active_before THEN net ELSE 0 END) AS reactivation,
         SUM(CASE WHEN cohort THEN expansion ELSE 0 END) AS expansion,
         SUM(CASE WHEN cohort THEN contraction ELSE 0 END) AS contraction,
         SUM(CASE WHEN cohort THEN churn ELSE 0 END) AS churn,
         SUM(CASE WHEN cohort THEN net ELSE 0 END) AS kept,
         SUM(CASE WHEN cohort THEN GREATEST(0, LEAST(opening, closing)) - opening ELSE 0 END) AS lost,
         SUM(GREATEST(0, closing) - GREATEST(0, opening)) AS positive,
         COUNT(*) FILTER (WHERE cohort AND closing <= 0) AS churned,
         COUNT(*) FILTER (WHERE closing > 0) - COUNT(*) FILTER (WHERE cohort) AS gained
  FROM units GROUP BY ALL
), months AS (
  SELECT m::DATE AS start, strftime(m, '%Y-%m') AS occurred_month
  FROM generate_series(TIMESTAMP '$start', TIMESTAMP '$end' - INTERVAL 1 MONTH, INTERVAL 1 MONTH) AS t(m)
), carried AS (
  SELECT s.start, m.*,
         COALESCE(SUM(m.net) OVER earlier, 0) AS starting,
         COALESCE(SUM(m.positive) OVER earlier, 0) AS cohort_starting,
         COALESCE(SUM(m.gained) OVER earlier, 0) AS customers
  FROM months s LEFT JOIN monthly m USING (occurred_month)
  WINDOW earlier AS (ORDER BY s.start ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT start AS "period.start",
       (starting / 100)::DECIMAL(18, 2) AS "startingMrr",
       (COALESCE(new, 0) / 100)::DECIMAL(18, 2) AS "newMrr",
       (COALESCE(reactivation, 0) / 100)::DECIMAL(18, 2) AS "reactivationMrr",
       (COALESCE(expansion, 0) / 100)::DECIMAL(18, 2) AS "expansionMrr",
       (COALESCE(contraction, 0) / 100)::DECIMAL(18, 2) AS "contractionMrr",
       (COALESCE(churn, 0) / 100)::DECIMAL(18, 2) AS "churnMrr",
       ((starting + COALESCE(net, 0)) / 100)::DECIMAL(18, 2) AS "endingMrr",
       (cohort_starting / 100)::DECIMAL(18, 2) AS "cohortStartingMrr",
       ((cohort_starting + COALESCE(kept, 0)) / 100)::DECIMAL(18, 2) AS "retainedMrr",
       (cohort_starting + COALESCE(kept, 0)) / NULLIF(cohort_starting, 0) AS "nrr",
       (cohort_starting + COALESCE(lost, 0)) / NULLIF(cohort_starting, 0) AS "grr",
       customers::BIGINT AS "customers", COALESCE(churned, 0) AS "churnedCustomers"
FROM carried ORDER BY start
