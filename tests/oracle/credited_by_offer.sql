-- Credits to who presented the accepted offer; without one, to nobody.
WITH credited AS (
  SELECT x.*, f.csm_id FROM expansions x
  LEFT JOIN offers f ON f.offer_id = x.offer_id AND f.outcome = 'accepted'
)
SELECT CAST(CAST(q.s AS DATE) AS VARCHAR) AS "period.start", o.csm_id AS "csmId",
       CAST(COALESCE(SUM(c.cents), 0) AS DECIMAL(38, 0)) / 100 AS "creditedMrr",
       COUNT(c.movement_id) AS "events", COUNT(DISTINCT c.customer_id) AS "customers"
FROM quarters q
CROSS JOIN (SELECT csm_id FROM csms UNION ALL SELECT CAST(NULL AS VARCHAR)) AS o
LEFT JOIN credited c ON (c.csm_id IS NOT DISTINCT FROM o.csm_id) AND c.occurred_at >= q.s AND c.occurred_at < q.e
GROUP BY q.s, o.csm_id
ORDER BY q.s, o.csm_id NULLS LAST
