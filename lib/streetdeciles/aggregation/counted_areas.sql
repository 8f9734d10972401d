-- The number of areas in each region, and how many of them have a predicted location.
WITH areas AS (
    SELECT region, area_id, true AS is_predicted FROM {decile_counts}
    UNION ALL
    SELECT region, area_id, false AS is_predicted FROM {area_labels}
),

judged AS (
    SELECT region, area_id, bool_or(is_predicted) AS is_predicted
    FROM areas
    GROUP BY region, area_id
)

SELECT
    region,
    count(*) AS n_areas,
    count_if(is_predicted) AS n_predicted
FROM judged
GROUP BY region
