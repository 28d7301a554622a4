-- The curve with numbers at risk; 95 % by log-log Greenwood.
SELECT day, at_risk AS "atRisk", events, s AS "~survival",
       POWER(s, EXP(1.959963984540054 * SQRT(greenwood) / -LN(s))) AS "~low95",
       POWER(s, EXP(-1.959963984540054 * SQRT(greenwood) / -LN(s))) AS "~high95"
FROM survival ORDER BY day
