-- The mean scores of areas; every method has the same.
SELECT
    region,
    area_id,
    outcome,
    n_locations,
    mean_score,
    score_se,
    true_decile
FROM {area_predictions}
WHERE level = :area AND method = :method
