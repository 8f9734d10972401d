-- For each group, the number of predictions with and without a known true decile.
SELECT
    region,
    outcome,
    level,
    coalesce(sum(n) FILTER (WHERE true_decile IS NOT NULL), 0) AS known,
    coalesce(sum(n) FILTER (WHERE true_decile IS NULL), 0) AS unknown
FROM {cells}
GROUP BY region, outcome, level
ORDER BY region, outcome, level
