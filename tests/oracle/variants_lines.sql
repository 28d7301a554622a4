-- NRR and GRR of product lines over the twelve months before each quarter's end.
SELECT CAST(CAST(period_start AS DATE) AS VARCHAR) AS "period",
       CAST(100 * SUM(CASE WHEN cohort THEN closing ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort THEN opening ELSE 0 END) AS DOUBLE), 0) AS "nrr_product_lines",
       CAST(100 * SUM(CASE WHEN cohort AND closing > 0 THEN LEAST(opening, closing) ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort THEN opening ELSE 0 END) AS DOUBLE), 0) AS "grr_product_lines"
FROM line_units
WHERE kind = 'trailing'
GROUP BY period_start
ORDER BY period_start
