-- Rates of the flat table: trailing twelve months under the bare names, the quarter under _period.
SELECT CAST(CAST(period_start AS DATE) AS VARCHAR) AS "period", segment,
       CAST(100 * SUM(CASE WHEN cohort AND kind = 'trailing' THEN closing ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort AND kind = 'trailing' THEN opening ELSE 0 END) AS DOUBLE), 0) AS "nrr",
       CAST(100 * SUM(CASE WHEN cohort AND kind = 'trailing' AND closing > 0 THEN LEAST(opening, closing) ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort AND kind = 'trailing' THEN opening ELSE 0 END) AS DOUBLE), 0) AS "grr",
       CAST(100 * SUM(CASE WHEN cohort AND kind = 'trailing' THEN contraction + churn ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort AND kind = 'trailing' THEN opening ELSE 0 END) AS DOUBLE), 0) AS "gross_churn_rate",
       CAST(COUNT(CASE WHEN cohort AND kind = 'trailing' AND closing > 0 THEN 1 END) AS DOUBLE)
         / NULLIF(CAST(COUNT(CASE WHEN cohort AND kind = 'trailing' THEN 1 END) AS DOUBLE), 0) AS "logo_retention",
       CAST(COUNT(CASE WHEN cohort AND kind = 'trailing' AND closing <= 0 THEN 1 END) AS DOUBLE)
         / NULLIF(CAST(COUNT(CASE WHEN cohort AND kind = 'trailing' THEN 1 END) AS DOUBLE), 0) AS "logo_churn_rate",
       CAST(COUNT(CASE WHEN cohort AND kind = 'trailing' AND expanded = 1 THEN 1 END) AS DOUBLE)
         / NULLIF(CAST(COUNT(CASE WHEN cohort AND kind = 'trailing' THEN 1 END) AS DOUBLE), 0) AS "expansion_rate",
       CAST(100 * SUM(CASE WHEN cohort AND kind = 'period' THEN closing ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort AND kind = 'period' THEN opening ELSE 0 END) AS DOUBLE), 0) AS "nrr_period",
       CAST(100 * SUM(CASE WHEN cohort AND kind = 'period' AND closing > 0 THEN LEAST(opening, closing) ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort AND kind = 'period' THEN opening ELSE 0 END) AS DOUBLE), 0) AS "grr_period",
       CAST(100 * SUM(CASE WHEN cohort AND kind = 'period' THEN contraction + churn ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort AND kind = 'period' THEN opening ELSE 0 END) AS DOUBLE), 0) AS "gross_churn_rate_period",
       CAST(COUNT(CASE WHEN cohort AND kind = 'period' AND closing > 0 THEN 1 END) AS DOUBLE)
         / NULLIF(CAST(COUNT(CASE WHEN cohort AND kind = 'period' THEN 1 END) AS DOUBLE), 0) AS "logo_retention_period",
       CAST(COUNT(CASE WHEN cohort AND kind = 'period' AND closing <= 0 THEN 1 END) AS DOUBLE)
         / NULLIF(CAST(COUNT(CASE WHEN cohort AND kind = 'period' THEN 1 END) AS DOUBLE), 0) AS "logo_churn_rate_period",
       CAST(COUNT(CASE WHEN cohort AND kind = 'period' AND expanded = 1 THEN 1 END) AS DOUBLE)
         / NULLIF(CAST(COUNT(CASE WHEN cohort AND kind = 'period' THEN 1 END) AS DOUBLE), 0) AS "expansion_rate_period"
FROM units JOIN customers ON customers.customer_id = units.customer_id
GROUP BY period_start, segment
ORDER BY period_start, segment NULLS LAST
