-- Predictions of the network, each with the area of its location and the area's true decile, if known.
-- A prediction for a location that is not in the table locations has no region.
SELECT
    l.region,
    l.area_id,
    p.outcome,
    p.score,
    p.decile,
    a.decile AS true_decile
FROM {predictions} AS p
LEFT JOIN {locations} AS l ON p.location_id = l.location_id
LEFT JOIN {area_labels} AS a ON l.region = a.region AND l.area_id = a.area_id AND p.outcome = a.outcome
WHERE p.model = :network
