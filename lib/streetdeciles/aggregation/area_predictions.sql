-- One row per method, with the outcome's name and, for areas, the true decile.
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

SELECT /*+ BROADCAST(o) */
    m.region,
    m.level,
    m.area_id,
    o.outcome,
    m.method,
    m.n_locations,
    m.mean_score,
    m.decile,
    l.decile AS true_decile,
    nanvl(m.score_se, CAST(NULL AS double)) AS score_se
FROM methods AS m
JOIN {outcomes} AS o ON m.group_number % :n_outcomes = o.outcome_number
LEFT JOIN {area_labels} AS l
    ON m.level = :area AND m.region = l.region AND m.area_id = l.area_id AND o.outcome = l.outcome
WHERE m.decile IS NOT NULL AND NOT isnan(m.decile)
