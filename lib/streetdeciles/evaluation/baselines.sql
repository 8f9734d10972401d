-- The baselines' deciles, each with the area's true decile, if it is known.
SELECT
    b.region,
    b.area_id,
    b.outcome,
    b.model,
    b.decile,
    a.decile AS true_decile
FROM {baselines} AS b
LEFT JOIN {area_labels} AS a ON b.region = a.region AND b.area_id = a.area_id AND b.outcome = a.outcome
