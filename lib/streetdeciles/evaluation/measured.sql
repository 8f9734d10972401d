-- How often each pair of true and predicted decile occurs in every area: all measures follow from these counts.
-- `true_decile` is null if it is not known; such rows are counted, but not measured.
SELECT
    l.region,
    p.outcome,
    :location AS level,
    :prediction AS method,
    l.area_id,
    a.decile AS true_decile,
    CAST(p.decile AS double) AS predicted_decile,
    count(*) AS n
FROM {predictions} AS p
JOIN {locations} AS l ON p.location_id = l.location_id
LEFT JOIN {area_labels} AS a ON l.region = a.region AND l.area_id = a.area_id AND p.outcome = a.outcome
WHERE p.model = :network
GROUP BY l.region, p.outcome, l.area_id, a.decile, p.decile

UNION ALL

SELECT
    region,
    outcome,
    level,
    method,
    area_id,
    true_decile,
    decile AS predicted_decile,
    CAST(1 AS bigint) AS n
FROM {area_predictions}
