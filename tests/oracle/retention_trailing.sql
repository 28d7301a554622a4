-- The ledger's waterfall over the twelve months before each quarter's end.
SELECT CAST(CAST(period_start AS DATE) AS VARCHAR) AS "period.start",
       CAST(CAST(period_end AS DATE) AS VARCHAR) AS "period.end",
       CAST(CAST(s AS DATE) AS VARCHAR) AS "window.start",
       SUM(opening) AS "startingMrr",
       SUM(CASE WHEN NOT cohort AND NOT active_before THEN closing - opening ELSE 0 END) AS "newMrr",
       SUM(CASE WHEN cohort THEN returned WHEN active_before THEN closing - opening ELSE 0 END) AS "reactivationMrr",
       SUM(CASE WHEN cohort THEN expansion ELSE 0 END) AS "expansionMrr",
       SUM(CASE WHEN cohort THEN contraction ELSE 0 END) AS "contractionMrr",
       SUM(CASE WHEN cohort THEN churn ELSE 0 END) AS "churnMrr",
       SUM(closing) AS "endingMrr",
       SUM(CASE WHEN cohort THEN returned ELSE 0 END) AS "cohortReactivationMrr",
       SUM(CASE WHEN cohort THEN opening ELSE 0 END) AS "cohortStartingMrr",
       SUM(CASE WHEN cohort THEN closing ELSE 0 END) AS "retainedMrr",
       SUM(CASE WHEN cohort AND closing > 0 THEN LEAST(opening, closing) ELSE 0 END) AS "grossRetainedMrr",
       CAST(100 * SUM(CASE WHEN cohort THEN closing ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort THEN opening ELSE 0 END) AS DOUBLE), 0) AS "nrr",
       CAST(100 * SUM(CASE WHEN cohort AND closing > 0 THEN LEAST(opening, closing) ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort THEN opening ELSE 0 END) AS DOUBLE), 0) AS "grr",
       CAST(COUNT(CASE WHEN cohort AND closing > 0 THEN 1 END) AS DOUBLE)
         / NULLIF(CAST(COUNT(CASE WHEN cohort THEN 1 END) AS DOUBLE), 0) AS "logoRetention",
       CAST(COUNT(CASE WHEN cohort AND expanded = 1 THEN 1 END) AS DOUBLE)
         / NULLIF(CAST(COUNT(CASE WHEN cohort THEN 1 END) AS DOUBLE), 0) AS "expansionRate",
       COUNT(CASE WHEN cohort THEN 1 END) AS "customers",
       COUNT(CASE WHEN cohort AND closing <= 0 THEN 1 END) AS "churnedCustomers",
       COUNT(CASE WHEN cohort AND expanded = 1 THEN 1 END) AS "expandedCustomers"
FROM units
WHERE kind = 'trailing'
GROUP BY period_start, period_end, s
ORDER BY period_start
