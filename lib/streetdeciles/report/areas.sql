-- Every area with its true decile and, by the report's method, its predicted one: a row for each outcome.
-- An area without a prediction keeps its row; so does a prediction of an area whose decile is not known.
-- `n_located`: the locations that lie in the area; `n_locations`: those that were predicted.
SELECT
    coalesce(labels.region, predicted.region) AS region,
    coalesce(labels.area_id, predicted.area_id) AS area_id,
    coalesce(labels.outcome, predicted.outcome) AS outcome,
    coalesce(labels.decile, predicted.true_decile) AS true_decile,
    labels.national_decile,
    predicted.decile,
    predicted.mean_score,
    coalesce(predicted.n_locations, 0) AS n_locations,
    coalesce(located.n, 0) AS n_located,
    located.district
FROM {labels} AS labels
FULL OUTER JOIN (
    SELECT * FROM {area_predictions} WHERE level = :level AND method = :method
) AS predicted
    ON labels.region = predicted.region
    AND labels.area_id = predicted.area_id
    AND labels.outcome = predicted.outcome
LEFT JOIN (
    SELECT region, area_id, count(*) AS n, min(district) AS district FROM {locations} GROUP BY region, area_id
) AS located
    ON located.region = coalesce(labels.region, predicted.region)
    AND located.area_id = coalesce(labels.area_id, predicted.area_id)
