-- The product of the monthly rates of the twelve months before each quarter's end, by logarithms.
WITH months AS (
  SELECT q.s AS period_start, q.e - step.f AS s, q.e - step.t AS e
  FROM quarters q CROSS JOIN (VALUES
    (INTERVAL '12 months', INTERVAL '11 months'), (INTERVAL '11 months', INTERVAL '10 months'),
    (INTERVAL '10 months', INTERVAL '9 months'), (INTERVAL '9 months', INTERVAL '8 months'),
    (INTERVAL '8 months', INTERVAL '7 months'), (INTERVAL '7 months', INTERVAL '6 months'),
    (INTERVAL '6 months', INTERVAL '5 months'), (INTERVAL '5 months', INTERVAL '4 months'),
    (INTERVAL '4 months', INTERVAL '3 months'), (INTERVAL '3 months', INTERVAL '2 months'),
    (INTERVAL '2 months', INTERVAL '1 months'), (INTERVAL '1 months', INTERVAL '0 months')
  ) AS step(f, t)
),
states AS (
  SELECT w.period_start, w.s, m.customer_id,
         SUM(CASE WHEN m.occurred_at < w.s THEN m.amount ELSE 0 END) AS opening,
         SUM(CASE WHEN m.occurred_at < w.e THEN m.amount ELSE 0 END) AS closing
  FROM months w CROSS JOIN mrr_movements m
  GROUP BY w.period_start, w.s, m.customer_id
),
rates AS (
  SELECT period_start, s,
         CAST(SUM(CASE WHEN opening > 0 THEN closing ELSE 0 END) AS DOUBLE)
           / NULLIF(CAST(SUM(CASE WHEN opening > 0 THEN opening ELSE 0 END) AS DOUBLE), 0) AS nrr,
         CAST(SUM(CASE WHEN opening > 0 AND closing > 0 THEN LEAST(opening, closing) ELSE 0 END) AS DOUBLE)
           / NULLIF(CAST(SUM(CASE WHEN opening > 0 THEN opening ELSE 0 END) AS DOUBLE), 0) AS grr
  FROM states GROUP BY period_start, s
)
SELECT CAST(CAST(period_start AS DATE) AS VARCHAR) AS "period",
       CASE WHEN COUNT(nrr) = 12 THEN EXP(SUM(LN(nrr))) END AS "~nrr_chained_monthly",
       CASE WHEN COUNT(grr) = 12 THEN EXP(SUM(LN(grr))) END AS "~grr_chained_monthly"
FROM rates
GROUP BY period_start
ORDER BY period_start
