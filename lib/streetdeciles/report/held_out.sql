-- The network's held-out prediction of each location beside the true decile of its area.
SELECT
    locations.location_id,
    locations.region,
    locations.area_id,
    predictions.outcome,
    labels.decile AS true_decile,
    predictions.decile,
    element_at(predictions.probabilities, int(predictions.decile)) AS confidence
FROM {predictions} AS predictions
INNER JOIN {locations} AS locations
    ON predictions.location_id = locations.location_id
LEFT JOIN {labels} AS labels
    ON labels.region = locations.region
    AND labels.area_id = locations.area_id
    AND labels.outcome = predictions.outcome
WHERE predictions.model = :network AND predictions.decile IS NOT NULL
