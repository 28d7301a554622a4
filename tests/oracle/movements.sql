-- Recorded movements of all customers by quarter and product family.
SELECT CAST(CAST(s AS DATE) AS VARCHAR) AS "period", family AS "product_family",
       SUM(CASE WHEN movement = 'new' THEN amount ELSE 0 END) AS "new_mrr", SUM(CASE WHEN movement = 'expansion' THEN amount ELSE 0 END) AS "expansion_mrr", SUM(CASE WHEN movement = 'contraction' THEN -amount ELSE 0 END) AS "contraction_mrr",
       SUM(CASE WHEN movement = 'churn' THEN -amount ELSE 0 END) AS "churned_mrr", SUM(CASE WHEN movement = 'reactivation' THEN amount ELSE 0 END) AS "reactivation_mrr",
       SUM(COALESCE(amount, 0)) AS "net_new_mrr",
       COUNT(CASE WHEN movement = 'expansion' THEN 1 END) AS "expansion_events",
       COUNT(DISTINCT CASE WHEN movement = 'expansion' THEN customer_id END) AS "expanding_customers",
       CAST(100 * SUM(CASE WHEN movement = 'expansion' THEN amount ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * COUNT(DISTINCT CASE WHEN movement = 'expansion' THEN customer_id END) AS DOUBLE), 0)
         AS "average_expansion_per_customer",
       CAST(100 * SUM(CASE WHEN movement = 'expansion' THEN amount ELSE 0 END) AS DOUBLE)
         / NULLIF(CAST(100 * COUNT(CASE WHEN movement = 'expansion' THEN 1 END) AS DOUBLE), 0)
         AS "average_expansion_per_event",
       CAST(100 * (SUM(CASE WHEN movement = 'new' THEN amount ELSE 0 END) + SUM(CASE WHEN movement = 'reactivation' THEN amount ELSE 0 END) + SUM(CASE WHEN movement = 'expansion' THEN amount ELSE 0 END)) AS DOUBLE) / NULLIF(CAST(100 * (SUM(CASE WHEN movement = 'contraction' THEN -amount ELSE 0 END) + SUM(CASE WHEN movement = 'churn' THEN -amount ELSE 0 END)) AS DOUBLE), 0) AS "quick_ratio",
       CAST(100 * SUM(CASE WHEN movement = 'expansion' THEN amount ELSE 0 END) AS DOUBLE) / NULLIF(CAST(100 * (SUM(CASE WHEN movement = 'new' THEN amount ELSE 0 END) + SUM(CASE WHEN movement = 'reactivation' THEN amount ELSE 0 END) + SUM(CASE WHEN movement = 'expansion' THEN amount ELSE 0 END)) AS DOUBLE), 0) AS "expansion_share_of_growth"
FROM (SELECT s, e, family FROM quarters CROSS JOIN
        (SELECT DISTINCT family FROM products p JOIN mrr_movements m ON m.product_id = p.product_id) AS sold) AS spine
LEFT JOIN (SELECT m.*, p.family AS of FROM mrr_movements m JOIN products p ON p.product_id = m.product_id) AS m
  ON m.of = family AND occurred_at >= s AND occurred_at < e
GROUP BY s, family
ORDER BY s, family
