-- 1 - S after 30, 90, 180 and 365 days.
SELECT asked.day, 1 - MIN(survival.s) AS "~share"
FROM (VALUES (30), (90), (180), (365)) AS asked(day) LEFT JOIN survival ON survival.day <= asked.day
GROUP BY asked.day ORDER BY asked.day
