-- The filtered count alone: the condition is then the scan's, too.
SELECT to_char(date_trunc('quarter', presented_at), '%Y-%m-%d') AS "period", count(*) AS "offers_accepted"
FROM offers
WHERE outcome = 'accepted' AND presented_at >= '2023-07-01' AND presented_at < '2024-07-01'
GROUP BY 1
ORDER BY 1
