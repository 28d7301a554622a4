-- Variants over the twelve months before each quarter's end: what came back counted, price rises left out.
WITH lapses AS (
  SELECT w.period_start, b.customer_id, MAX(b.occurred_at) AS lapsed_at
  FROM windows w JOIN balances b ON b.occurred_at >= w.s AND b.occurred_at < w.e AND b.balance <= 0
  WHERE w.kind = 'trailing' GROUP BY w.period_start, b.customer_id
),
-- Price rises since the balance was last at zero.
prices AS (
  SELECT w.period_start, m.customer_id, SUM(m.amount) AS price
  FROM windows w JOIN mrr_movements m ON m.occurred_at >= w.s AND m.occurred_at < w.e
  LEFT JOIN lapses l ON l.period_start = w.period_start AND l.customer_id = m.customer_id
  WHERE w.kind = 'trailing' AND m.movement = 'expansion'
    AND m.expansion_type IN ('price', 'price_increase', 'discount_end', 'renewal')
    AND (l.lapsed_at IS NULL OR m.occurred_at > l.lapsed_at)
  GROUP BY w.period_start, m.customer_id
),
priced AS (
  SELECT u.*, CASE WHEN closing > 0 THEN LEAST(COALESCE(price, 0), closing) ELSE 0 END AS held_price
  FROM units u
  LEFT JOIN prices p ON p.period_start = u.period_start AND p.customer_id = u.customer_id
  WHERE u.kind = 'trailing'
)
SELECT CAST(CAST(period_start AS DATE) AS VARCHAR) AS "period", segment,
       CAST(100 * SUM(CASE WHEN cohort THEN closing WHEN active_before THEN closing - opening ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort THEN opening ELSE 0 END) AS DOUBLE), 0) AS "nrr_reactivation_counted",
       CAST(100 * SUM(CASE WHEN cohort THEN closing - held_price ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort THEN opening ELSE 0 END) AS DOUBLE), 0) AS "nrr_without_price",
       CAST(100 * SUM(CASE WHEN cohort THEN closing ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort THEN opening ELSE 0 END) AS DOUBLE), 0) AS "nrr_endpoint",
       CAST(100 * SUM(CASE WHEN cohort AND closing - held_price > 0 THEN LEAST(opening, closing - held_price) ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * SUM(CASE WHEN cohort THEN opening ELSE 0 END) AS DOUBLE), 0) AS "grr_without_price"
FROM priced JOIN customers ON customers.customer_id = priced.customer_id
GROUP BY period_start, segment
ORDER BY period_start, segment NULLS LAST
