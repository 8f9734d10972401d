-- What errors of areas are broken down by, the district and the number of predicted locations, and the block that the
-- split keeps together and the fold, -1 if there is none or an area lies in several folds.
WITH districts AS (
    SELECT region, area_id, min(district) AS district
    FROM {locations}
    GROUP BY region, area_id
),

sizes AS (
    SELECT
        region,
        area_id,
        CAST(max(n_1 + n_2 + n_3 + n_4 + n_5 + n_6 + n_7 + n_8 + n_9 + n_10) AS bigint) AS n_locations
    FROM {decile_counts}
    GROUP BY region, area_id
),

blocks AS (
    SELECT
        region,
        area_id,
        max(block) AS block,
        if(min(fold) = max(fold), max(fold), -1) AS fold
    FROM {training_set}
    GROUP BY region, area_id
)

SELECT
    s.region,
    s.area_id,
    d.district,
    s.n_locations,
    coalesce(b.block, -1) AS block,
    coalesce(b.fold, -1) AS fold
FROM sizes AS s
LEFT JOIN districts AS d ON s.region = d.region AND s.area_id = d.area_id
LEFT JOIN blocks AS b ON s.region = b.region AND s.area_id = b.area_id
