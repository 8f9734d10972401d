-- How often each pair of true and predicted decile occurs in every area: all measures follow from these counts.
-- `true_decile` is null if it is not known; such rows are counted, but not measured.
SELECT
    region,
    outcome,
    :location AS level,
    :prediction AS method,
    area_id,
    true_decile,
    CAST(predicted_decile AS double) AS predicted_decile,
    n
FROM {decile_counts}
LATERAL VIEW stack(
    10,
    1, n_1,
    2, n_2,
    3, n_3,
    4, n_4,
    5, n_5,
    6, n_6,
    7, n_7,
    8, n_8,
    9, n_9,
    10, n_10
) AS predicted_decile, n
WHERE n > 0

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
WHERE level = :area
