-- What several oracles share, over the same Parquet folders. Instants are UTC, amounts as stored.
CREATE VIEW quarters AS
SELECT * FROM (VALUES
  (TIMESTAMP '2023-01-01', TIMESTAMP '2023-04-01'),
  (TIMESTAMP '2023-04-01', TIMESTAMP '2023-07-01'),
  (TIMESTAMP '2023-07-01', TIMESTAMP '2023-10-01'),
  (TIMESTAMP '2023-10-01', TIMESTAMP '2024-01-01'),
  (TIMESTAMP '2024-01-01', TIMESTAMP '2024-04-01'),
  (TIMESTAMP '2024-04-01', TIMESTAMP '2024-07-01')
) AS quarter(s, e);

-- Windows of retention: each quarter itself, and the twelve months before its end.
CREATE VIEW windows AS
SELECT 'period' AS kind, s AS period_start, e AS period_end, s AS s, e AS e FROM quarters
UNION ALL
SELECT 'trailing', s AS period_start, e AS period_end, e - INTERVAL '12 months' AS s, e AS e FROM quarters;

-- The running balance of each customer, movements of one instant netted.
CREATE VIEW balances AS
SELECT customer_id, occurred_at,
       SUM(net) OVER (PARTITION BY customer_id ORDER BY occurred_at) AS balance
FROM (SELECT customer_id, occurred_at, SUM(amount) AS net
      FROM mrr_movements GROUP BY customer_id, occurred_at) AS netted;

CREATE VIEW activations AS
SELECT customer_id, MIN(occurred_at) AS first_active FROM balances WHERE balance > 0 GROUP BY customer_id;

-- The same for each product line of a customer.
CREATE VIEW line_activations AS
SELECT customer_id, product_id, MIN(occurred_at) AS first_active
FROM (SELECT customer_id, product_id, occurred_at,
             SUM(net) OVER (PARTITION BY customer_id, product_id ORDER BY occurred_at) AS balance
      FROM (SELECT customer_id, product_id, occurred_at, SUM(amount) AS net
            FROM mrr_movements GROUP BY customer_id, product_id, occurred_at) AS netted) AS running
WHERE balance > 0 GROUP BY customer_id, product_id;

-- A customer in a window: balances at both ends, movements by class in between.
CREATE VIEW units AS
SELECT u.*, u.opening > 0 AS cohort, COALESCE(a.first_active < u.s, FALSE) AS active_before
FROM (
  SELECT w.kind, w.period_start, w.period_end, w.s, w.e, m.customer_id,
         SUM(CASE WHEN m.occurred_at < w.s THEN m.amount ELSE 0 END) AS opening,
         SUM(CASE WHEN m.occurred_at < w.e THEN m.amount ELSE 0 END) AS closing,
         SUM(CASE WHEN m.occurred_at >= w.s AND m.occurred_at < w.e AND m.movement = 'expansion'
                  THEN m.amount ELSE 0 END) AS expansion,
         SUM(CASE WHEN m.occurred_at >= w.s AND m.occurred_at < w.e AND m.movement = 'contraction'
                  THEN -m.amount ELSE 0 END) AS contraction,
         SUM(CASE WHEN m.occurred_at >= w.s AND m.occurred_at < w.e AND m.movement = 'churn'
                  THEN -m.amount ELSE 0 END) AS churn,
         SUM(CASE WHEN m.occurred_at >= w.s AND m.occurred_at < w.e AND m.movement IN ('new', 'reactivation')
                  THEN m.amount ELSE 0 END) AS returned,
         MAX(CASE WHEN m.occurred_at >= w.s AND m.occurred_at < w.e AND m.movement = 'expansion'
                  THEN 1 ELSE 0 END) AS expanded
  FROM windows w CROSS JOIN mrr_movements m
  GROUP BY w.kind, w.period_start, w.period_end, w.s, w.e, m.customer_id
) AS u
LEFT JOIN activations a ON a.customer_id = u.customer_id;

-- A product line of a customer in a window.
CREATE VIEW line_units AS
SELECT u.*, u.opening > 0 AS cohort, COALESCE(a.first_active < u.s, FALSE) AS active_before
FROM (
  SELECT w.kind, w.period_start, w.period_end, w.s, w.e, m.customer_id, m.product_id,
         SUM(CASE WHEN m.occurred_at < w.s THEN m.amount ELSE 0 END) AS opening,
         SUM(CASE WHEN m.occurred_at < w.e THEN m.amount ELSE 0 END) AS closing,
         SUM(CASE WHEN m.occurred_at >= w.s AND m.occurred_at < w.e AND m.movement = 'expansion'
                  THEN m.amount ELSE 0 END) AS expansion,
         SUM(CASE WHEN m.occurred_at >= w.s AND m.occurred_at < w.e AND m.movement = 'contraction'
                  THEN -m.amount ELSE 0 END) AS contraction,
         SUM(CASE WHEN m.occurred_at >= w.s AND m.occurred_at < w.e AND m.movement = 'churn'
                  THEN -m.amount ELSE 0 END) AS churn,
         SUM(CASE WHEN m.occurred_at >= w.s AND m.occurred_at < w.e AND m.movement IN ('new', 'reactivation')
                  THEN m.amount ELSE 0 END) AS returned,
         MAX(CASE WHEN m.occurred_at >= w.s AND m.occurred_at < w.e AND m.movement = 'expansion'
                  THEN 1 ELSE 0 END) AS expanded
  FROM windows w CROSS JOIN mrr_movements m
  GROUP BY w.kind, w.period_start, w.period_end, w.s, w.e, m.customer_id, m.product_id
) AS u
LEFT JOIN line_activations a ON a.customer_id = u.customer_id AND a.product_id = u.product_id;

-- Expansion movements in cents.
CREATE VIEW expansions AS
SELECT movement_id, customer_id, CAST(occurred_at AS TIMESTAMP) AS occurred_at, offer_id,
       CAST(100 * amount AS BIGINT) AS cents
FROM mrr_movements WHERE movement = 'expansion';

-- What is shared out: to the owners of which instant, and in which quarter it counts. Each expansion
-- by three rules, and what cohort customers paid at a quarter's start and end.
CREATE VIEW shared AS
SELECT 'event' AS rule, movement_id AS id, customer_id, occurred_at AS at, occurred_at AS owned_at, cents FROM expansions
UNION ALL
SELECT 'start', movement_id, customer_id, occurred_at, q.s, cents
FROM expansions JOIN quarters q ON occurred_at >= q.s AND occurred_at < q.e
UNION ALL
SELECT 'current', movement_id, customer_id, occurred_at, t.at, cents
FROM expansions CROSS JOIN
  (SELECT date_trunc('day', MAX(CAST(occurred_at AS TIMESTAMP))) + INTERVAL '1 day' AS at FROM mrr_movements) AS t
UNION ALL
SELECT 'opening', customer_id || CAST(s AS VARCHAR), customer_id, s AS at, s AS owned_at, CAST(100 * opening AS BIGINT)
FROM units WHERE kind = 'period' AND cohort
UNION ALL
SELECT 'closing', customer_id || CAST(s AS VARCHAR), customer_id, s AS at, s AS owned_at, CAST(100 * closing AS BIGINT)
FROM units WHERE kind = 'period' AND cohort;

-- Who holds a part, with their share in ten-thousandths, if one is given.
CREATE VIEW held AS
SELECT x.*, a.csm_id, CAST(10000 * a.share AS BIGINT) AS share
FROM shared x
JOIN csm_assignments a ON a.customer_id = x.customer_id AND CAST(a.valid_from AS TIMESTAMP) <= x.owned_at
  AND (a.valid_to IS NULL OR x.owned_at < CAST(a.valid_to AS TIMESTAMP));

-- Weights: as given; equal where none are; the missing ones share what is left up to 1.
CREATE VIEW weighted AS
SELECT h.*,
       CASE WHEN t.given = 0 OR (t.given = t.owners AND t.total = 0) THEN 1
            WHEN t.given = t.owners THEN h.share
            WHEN h.share IS NULL THEN CASE WHEN t.total < 10000 THEN 10000 - t.total ELSE 0 END
            ELSE h.share * (t.owners - t.given) END AS weight
FROM held h
JOIN (SELECT rule, id, COUNT(*) AS owners, COUNT(share) AS given, COALESCE(SUM(share), 0) AS total
      FROM held GROUP BY rule, id) AS t
  ON t.rule = h.rule AND t.id = h.id;

-- Largest remainder, ties by csm_id; what nobody held belongs to null.
CREATE VIEW credits AS
SELECT rule, id, customer_id, at, csm_id, whole + CASE WHEN place <= missing THEN 1 ELSE 0 END AS cents
FROM (
  SELECT rule, id, customer_id, at, csm_id, whole,
         cents - SUM(whole) OVER (PARTITION BY rule, id) AS missing,
         ROW_NUMBER() OVER (PARTITION BY rule, id ORDER BY rest DESC, csm_id) AS place
  FROM (
    SELECT rule, id, customer_id, at, csm_id, cents,
           (cents * weight) / SUM(weight) OVER (PARTITION BY rule, id) AS whole,
           (cents * weight) % SUM(weight) OVER (PARTITION BY rule, id) AS rest
    FROM weighted
  ) AS floored
) AS placed
UNION ALL
SELECT x.rule, x.id, x.customer_id, x.at, CAST(NULL AS VARCHAR), x.cents
FROM shared x
WHERE NOT EXISTS (SELECT 1 FROM held h WHERE h.rule = x.rule AND h.id = x.id);

-- Time to the first expansion, in days; observed = expanded before churn and before the end.
CREATE VIEW subjects AS
SELECT c.customer_id, c.segment,
       COALESCE(x.day <= COALESCE(l.day, x.day), FALSE) AS observed,
       CASE WHEN x.day <= COALESCE(l.day, x.day) THEN x.day ELSE COALESCE(l.day, t.day) END
         - CAST(c.acquired_on AS INT) AS days
FROM customers c
CROSS JOIN (SELECT CAST(CAST(MAX(occurred_at) AS DATE) AS INT) + 1 AS day FROM mrr_movements) AS t
LEFT JOIN (SELECT m.customer_id, MIN(CAST(CAST(m.occurred_at AS DATE) AS INT)) AS day
           FROM mrr_movements m JOIN customers k ON k.customer_id = m.customer_id
           WHERE m.movement = 'expansion' AND CAST(m.occurred_at AS DATE) >= k.acquired_on
           GROUP BY m.customer_id) AS x ON x.customer_id = c.customer_id
LEFT JOIN (SELECT b.customer_id, MIN(CAST(CAST(b.occurred_at AS DATE) AS INT)) AS day
           FROM balances b JOIN activations a ON a.customer_id = b.customer_id
           WHERE b.balance <= 0 AND b.occurred_at > a.first_active
           GROUP BY b.customer_id) AS l ON l.customer_id = c.customer_id
WHERE CAST(c.acquired_on AS INT) < t.day;

-- Kaplan–Meier: S falls by the share of those at risk who expand on a day.
CREATE VIEW survival AS
SELECT day, at_risk, events,
       EXP(SUM(LN(1 - CAST(events AS DOUBLE) / at_risk)) OVER (ORDER BY day)) AS s,
       SUM(CAST(events AS DOUBLE) / (CAST(at_risk AS DOUBLE) * (at_risk - events))) OVER (ORDER BY day) AS greenwood
FROM (
  SELECT e.day, e.events, COUNT(*) AS at_risk
  FROM (SELECT days AS day, COUNT(*) AS events FROM subjects WHERE observed GROUP BY days) AS e
  JOIN subjects r ON r.days >= e.day
  GROUP BY e.day, e.events
) AS daily;
