-- Who owned the customer when it expanded. In this warehouse owners of one customer begin and end
-- together or follow each other: a stint has one owner or several, and one weight each. Most
-- expansions have one owner, or none; only the others are shared out, in cents by largest remainder,
-- ties by csm_id. Missing shares split what is left up to 1; without any, owners share equally.
WITH assigned AS (
  SELECT customer_id, valid_from, COALESCE(valid_to, TIMESTAMPTZ '9999-12-31') AS valid_to, csm_id,
         (share * 1000000)::BIGINT AS share
  FROM csm_assignments WHERE TRUE /* customers */
), stints AS (
  SELECT customer_id, valid_from, valid_to, MIN(csm_id) AS csm_id, COUNT(*) AS owners,
         COUNT(share) AS given, COALESCE(SUM(share), 0) AS total
  FROM assigned GROUP BY ALL
), expansions AS (
  SELECT ROW_NUMBER() OVER () AS id, customer_id, occurred_at, occurred_month, cents
  FROM ledger WHERE movement = 'expansion' /* customers */
), held AS MATERIALIZED (
  SELECT x.*, s.valid_from, s.csm_id, s.owners, s.given, s.total
  FROM expansions x LEFT JOIN stints s
    ON s.customer_id = x.customer_id AND s.valid_from <= x.occurred_at AND x.occurred_at < s.valid_to
), parts AS (
  SELECT h.id, h.occurred_month, h.cents, a.csm_id,
         CASE WHEN h.given = 0 OR (h.given = h.owners AND h.total = 0) THEN 1
              WHEN h.given = h.owners THEN a.share
              WHEN a.share IS NULL THEN GREATEST(0, 1000000 - h.total)
              ELSE a.share * (h.owners - h.given) END AS weight,
         (h.cents * weight) // SUM(weight) OVER event AS whole, (h.cents * weight) % SUM(weight) OVER event AS rest
  FROM held h JOIN assigned a ON a.customer_id = h.customer_id AND a.valid_from = h.valid_from
  WHERE h.owners > 1 WINDOW event AS (PARTITION BY h.id)
), shared AS (
  SELECT occurred_month, csm_id,
         whole + CASE WHEN ROW_NUMBER() OVER (PARTITION BY id ORDER BY rest DESC, csm_id)
                        <= cents - SUM(whole) OVER (PARTITION BY id) THEN 1 ELSE 0 END AS cents
  FROM parts
), credits AS (
  SELECT occurred_month, csm_id, SUM(cents) AS cents, COUNT(*) AS events
  FROM held WHERE owners IS NULL OR owners = 1 GROUP BY ALL
  UNION ALL
  SELECT occurred_month, csm_id, SUM(cents) AS cents, COUNT(*) AS events FROM shared GROUP BY ALL
), quarterly AS (
  SELECT date_trunc('quarter', (occurred_month || '-01')::DATE)::DATE AS start, csm_id, SUM(cents) AS cents, SUM(events) AS events
  FROM credits GROUP BY ALL
), quarters AS (
  SELECT q::DATE AS start FROM generate_series(TIMESTAMP '$start', TIMESTAMP '$end' - INTERVAL 1 MONTH, INTERVAL 3 MONTH) AS t(q)
), found AS (SELECT DISTINCT csm_id FROM quarterly)
SELECT q.start AS "period.start", f.csm_id AS "csmId",
       (COALESCE(c.cents, 0) / 100)::DECIMAL(18, 2) AS "creditedMrr", COALESCE(c.events, 0)::BIGINT AS "events"
FROM quarters q CROSS JOIN found f
LEFT JOIN quarterly c ON c.start = q.start AND c.csm_id IS NOT DISTINCT FROM f.csm_id
ORDER BY 1, 2 NULLS LAST
