-- Deciles of areas by the methods and baselines :methods, a list with commas.
SELECT
    region,
    area_id,
    outcome,
    method,
    decile
FROM {area_predictions}
WHERE level = :level AND array_contains(split(:methods, ','), method)

UNION ALL

SELECT
    region,
    area_id,
    outcome,
    model AS method,
    decile
FROM {baselines}
WHERE array_contains(split(:methods, ','), model)
