-- The owner's book: cohort customers at the quarter's start, what they paid then and at its end.
SELECT CAST(CAST(q.s AS DATE) AS VARCHAR) AS "period.start", o.csm_id AS "csmId",
       COUNT(CASE WHEN c.rule = 'opening' THEN 1 END) AS "accounts",
       CAST(SUM(CASE WHEN c.rule = 'opening' THEN c.cents ELSE 0 END) AS DECIMAL(38, 0)) / 100 AS "cohortMrr",
       CAST(SUM(CASE WHEN c.rule = 'closing' THEN c.cents END) AS DOUBLE)
         / NULLIF(CAST(SUM(CASE WHEN c.rule = 'opening' THEN c.cents END) AS DOUBLE), 0) AS "nrr"
FROM quarters q
CROSS JOIN (SELECT csm_id FROM csms UNION ALL SELECT CAST(NULL AS VARCHAR)) AS o
LEFT JOIN (SELECT * FROM credits WHERE rule IN ('opening', 'closing')) AS c
  ON (c.csm_id IS NOT DISTINCT FROM o.csm_id) AND c.at = q.s
GROUP BY q.s, o.csm_id
ORDER BY q.s, o.csm_id NULLS LAST
