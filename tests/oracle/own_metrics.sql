-- Offers by the day they were presented, every segment in every quarter.
WITH presented AS (
  SELECT date_trunc('quarter', o.presented_at) AS quarter, c.segment AS segment, o.outcome AS outcome
  FROM offers o LEFT JOIN customers c ON c.customer_id = o.customer_id
  WHERE o.presented_at >= '2023-07-01' AND o.presented_at < '2024-07-01'
),
cells AS (
  SELECT q.quarter, s.segment
  FROM (SELECT DISTINCT quarter FROM presented) q CROSS JOIN (SELECT DISTINCT segment FROM presented) s
),
counted AS (
  SELECT cells.quarter, cells.segment, count(p.quarter) AS presented,
         sum(CASE WHEN p.outcome = 'accepted' THEN 1 ELSE 0 END) AS accepted
  FROM cells LEFT JOIN presented p ON p.quarter = cells.quarter AND p.segment IS NOT DISTINCT FROM cells.segment
  GROUP BY cells.quarter, cells.segment
)
SELECT to_char(quarter, '%Y-%m-%d') AS "period", segment AS "segment",
       CAST(accepted AS DOUBLE) / nullif(CAST(presented AS DOUBLE), 0) AS "offer_acceptance",
       accepted AS "offers_accepted", presented AS "offers_presented"
FROM counted
ORDER BY "period", segment IS NULL, segment
