WITH found AS (
  SELECT occurred_month, expansion_type, SUM(cents) AS cents, COUNT(*) AS events
  FROM ledger WHERE movement = 'expansion' /* customers */ GROUP BY ALL
), months AS (
  SELECT m::DATE AS start, strftime(m, '%Y-%m') AS occurred_month
  FROM generate_series(TIMESTAMP '$start', TIMESTAMP '$end' - INTERVAL 1 MONTH, INTERVAL 1 MONTH) AS t(m)
), types AS (SELECT DISTINCT expansion_type FROM found)
SELECT s.start AS "period.start", t.expansion_type AS "expansionType",
       (COALESCE(f.cents, 0) / 100)::DECIMAL(18, 2) AS "amount", COALESCE(f.events, 0) AS "events",
       COALESCE(f.cents, 0) / NULLIF(SUM(COALESCE(f.cents, 0)) OVER (PARTITION BY s.start), 0) AS "share"
FROM months s CROSS JOIN types t
LEFT JOIN found f ON f.occurred_month = s.occurred_month AND f.expansion_type IS NOT DISTINCT FROM t.expansion_type
ORDER BY 1, 2 NULLS LAST
