-- Subjects, and the smallest days by which S has fallen to 1 - q.
SELECT (SELECT COUNT(*) FROM subjects) AS "subjects",
       (SELECT COUNT(*) FROM subjects WHERE observed) AS "events",
       (SELECT COUNT(*) FROM subjects WHERE NOT observed) AS "censored",
       (SELECT MIN(day) FROM survival WHERE s <= 0.75 + 1e-12) AS "p25Days",
       (SELECT MIN(day) FROM survival WHERE s <= 0.50 + 1e-12) AS "medianDays",
       (SELECT MIN(day) FROM survival WHERE s <= 0.25 + 1e-12) AS "p75Days",
       (SELECT AVG(days) FROM (
          SELECT days, ROW_NUMBER() OVER (ORDER BY days) AS place, COUNT(*) OVER () AS size
          FROM subjects WHERE observed) AS ordered
        WHERE place BETWEEN size / 2.0 AND size / 2.0 + 1) AS "observedMedianDays"
