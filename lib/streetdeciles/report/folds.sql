-- The fold of each area: of the model that has predicted its locations; :several if they are of several folds.
SELECT
    locations.region,
    locations.area_id,
    CASE WHEN min(predictions.fold) = max(predictions.fold) THEN min(predictions.fold) ELSE :several END AS fold
FROM {predictions} AS predictions
INNER JOIN {locations} AS locations
    ON predictions.location_id = locations.location_id
WHERE predictions.model = :network AND predictions.outcome = :outcome AND predictions.fold IS NOT NULL
GROUP BY locations.region, locations.area_id
