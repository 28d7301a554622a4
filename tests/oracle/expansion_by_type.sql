-- Expansion by segment and type; the part of customers with a balance at the quarter's start apart.
WITH typed AS (
  SELECT q.s, q.e, c.segment, m.expansion_type, m.customer_id, m.amount, u.cohort
  FROM quarters q
  JOIN mrr_movements m ON m.occurred_at >= q.s AND m.occurred_at < q.e AND m.movement = 'expansion'
  JOIN customers c ON c.customer_id = m.customer_id
  JOIN units u ON u.kind = 'period' AND u.s = q.s AND u.customer_id = m.customer_id
), spine AS (
  SELECT s, e, segment, expansion_type
  FROM quarters CROSS JOIN (SELECT DISTINCT segment, expansion_type FROM typed) AS found
)
SELECT CAST(CAST(p.s AS DATE) AS VARCHAR) AS "period.start", p.segment, p.expansion_type AS "expansionType",
       CASE WHEN p.expansion_type IN ('seat', 'feature', 'tier_upgrade') THEN 'upsell'
            WHEN p.expansion_type IN ('cross_sell', 'add_on') THEN 'cross-sell'
            WHEN p.expansion_type IN ('price', 'renewal') THEN 'price'
            WHEN p.expansion_type = 'usage' THEN 'usage'
            WHEN p.expansion_type IN ('use_case', 'organizational', 'partnership') THEN 'adoption' END AS "family",
       COALESCE(SUM(t.amount), 0) AS "amount",
       COALESCE(SUM(CASE WHEN t.cohort THEN t.amount END), 0) AS "fromOpeningCohort",
       COALESCE(SUM(CASE WHEN NOT t.cohort THEN t.amount END), 0) AS "fromOutsideCohort",
       COUNT(t.amount) AS "events", COUNT(DISTINCT t.customer_id) AS "customers",
       CAST(100 * COALESCE(SUM(t.amount), 0) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(COALESCE(SUM(t.amount), 0)) OVER (PARTITION BY p.s, p.segment) AS DOUBLE), 0) AS "share"
FROM spine p
LEFT JOIN typed t ON t.s = p.s AND (t.segment IS NOT DISTINCT FROM p.segment)
  AND (t.expansion_type IS NOT DISTINCT FROM p.expansion_type)
GROUP BY p.s, p.segment, p.expansion_type
ORDER BY p.s, p.segment NULLS LAST, p.expansion_type NULLS LAST
