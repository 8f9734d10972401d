-- One row per method. A method that could not be computed has no rows.
WITH methods AS (
    SELECT
        *,
        stack(
            5,
            :score_mean, score_mean,
            :score_decile_mean, score_decile_mean,
            :decile_mean, decile_mean,
            :decile_median, decile_median,
            :decile_mode, decile_mode
        ) AS (method, decile)
    FROM {deciles}
)

SELECT
    region,
    level,
    area_id,
    outcome,
    method,
    n_locations,
    mean_score,
    decile,
    true_decile,
    nanvl(score_se, CAST(NULL AS double)) AS score_se
FROM methods
WHERE decile IS NOT NULL AND NOT isnan(decile)
