-- The flat table's credited MRR by team, next to what was recorded.
SELECT CAST(CAST(q.s AS DATE) AS VARCHAR) AS "period", o.team AS "csm_team",
       CAST(SUM(c.cents) AS DECIMAL(38, 0)) / 100 AS "credited_mrr"
FROM quarters q
CROSS JOIN (SELECT csm_id, team FROM csms UNION ALL SELECT CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR)) AS o
LEFT JOIN (SELECT * FROM credits WHERE rule = 'event') AS c
  ON (c.csm_id IS NOT DISTINCT FROM o.csm_id) AND c.at >= q.s AND c.at < q.e
GROUP BY q.s, o.team
ORDER BY q.s, o.team NULLS LAST
