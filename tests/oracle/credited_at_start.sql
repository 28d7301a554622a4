-- Credits to the owners at the quarter's start.
SELECT CAST(CAST(q.s AS DATE) AS VARCHAR) AS "period.start", o.csm_id AS "csmId", o.name AS "csmName",
       CAST(COALESCE(SUM(c.cents), 0) AS DECIMAL(38, 0)) / 100 AS "creditedMrr",
       COUNT(c.id) AS "events", COUNT(DISTINCT c.customer_id) AS "customers",
       CAST(COALESCE(SUM(c.cents), 0) AS DOUBLE)
         / NULLIF(CAST(SUM(COALESCE(SUM(c.cents), 0)) OVER (PARTITION BY q.s) AS DOUBLE), 0) AS "share"
FROM quarters q
CROSS JOIN (SELECT csm_id, name FROM csms UNION ALL SELECT CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR)) AS o
LEFT JOIN (SELECT * FROM credits WHERE rule = 'start') AS c
  ON (c.csm_id IS NOT DISTINCT FROM o.csm_id) AND c.at >= q.s AND c.at < q.e
GROUP BY q.s, o.csm_id, o.name
ORDER BY q.s, o.csm_id NULLS LAST
