-- Days to the first expansion; churn and the end of observation censor. A churn empties a customer
-- in this warehouse. S falls on each day by the share of those at risk who expand.
WITH observed_until AS (
  SELECT MAX(occurred_at)::DATE + 1 AS day FROM ledger
), firsts AS (
  SELECT customer_id,
         (MIN(CASE WHEN movement = 'expansion' THEN occurred_at END))::DATE AS expanded,
         (MIN(CASE WHEN movement = 'churn' THEN occurred_at END))::DATE AS churned
  FROM ledger WHERE movement IN ('expansion', 'churn') /* customers */ GROUP BY customer_id
), subjects AS (
  SELECT c.segment, COALESCE(f.expanded <= COALESCE(f.churned, f.expanded), FALSE) AS observed,
         CASE WHEN observed THEN f.expanded ELSE COALESCE(f.churned, t.day) END - c.acquired_on AS day
  FROM customers c CROSS JOIN observed_until t LEFT JOIN firsts f USING (customer_id)
  WHERE c.acquired_on < t.day /* customers */
), daily AS (
  SELECT segment, day, COUNT(*) AS leave, COUNT(*) FILTER (WHERE observed) AS events
  FROM subjects GROUP BY ALL
), at_risk AS (
  SELECT *, SUM(leave) OVER (PARTITION BY segment ORDER BY day DESC) AS at_risk FROM daily
), curve AS (
  SELECT segment, day, leave, events,
         CASE WHEN MAX(events = at_risk) OVER upto THEN 0
              ELSE EXP(SUM(CASE WHEN events < at_risk THEN LN(1 - events::DOUBLE / at_risk) END) OVER upto) END AS survival
  FROM at_risk WINDOW upto AS (PARTITION BY segment ORDER BY day)
)
SELECT segment, SUM(leave)::BIGINT AS "subjects", SUM(events)::BIGINT AS "events",
       (SUM(leave) - SUM(events))::BIGINT AS "censored",
       MIN(day) FILTER (WHERE survival <= 0.5 + 1e-12) AS "medianDays",
       1 - COALESCE(MIN(survival) FILTER (WHERE day <= 90), 1) AS "expandedBy.90",
       1 - COALESCE(MIN(survival) FILTER (WHERE day <= 180), 1) AS "expandedBy.180",
       1 - COALESCE(MIN(survival) FILTER (WHERE day <= 365), 1) AS "expandedBy.365"
FROM curve GROUP BY segment ORDER BY segment NULLS LAST
