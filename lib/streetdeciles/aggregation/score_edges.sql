-- The eleven edges of pandas' qcut(scores, 10) for each region and outcome: linearly interpolated quantiles.
-- Computed by rank: a sort can spill, but Spark's percentile() keeps every score of a group in memory.
WITH ranked AS (
    SELECT
        region,
        outcome,
        score,
        row_number() OVER (PARTITION BY region, outcome ORDER BY score) - 1 AS rank
    FROM {located}
),

sizes AS (
    SELECT region, outcome, count(*) AS n
    FROM {located}
    GROUP BY region, outcome
),

-- The quantiles are written like numpy's linspace(0, 1, 11), so that the edges equal pandas' to the last bit.
positions AS (
    SELECT region, outcome, edge_number, quantile * (n - 1) AS position
    FROM sizes
    LATERAL VIEW posexplode(array(
        0D, 0.1D, 0.2D, 0.30000000000000004D, 0.4D, 0.5D, 0.6000000000000001D, 0.7000000000000001D, 0.8D, 0.9D, 1D
    )) AS edge_number, quantile
),

neighbours AS (
    SELECT
        p.region,
        p.outcome,
        p.edge_number,
        p.position - floor(p.position) AS share,
        min(r.score) AS below,
        max(r.score) AS above
    FROM (
        SELECT *, explode(array(floor(position), ceil(position))) AS rank
        FROM positions
    ) AS p
    JOIN ranked AS r ON p.region = r.region AND p.outcome = r.outcome AND p.rank = r.rank
    GROUP BY p.region, p.outcome, p.edge_number, p.position
)

SELECT
    region,
    outcome,
    transform(
        array_sort(collect_list(struct(
            edge_number,
            CASE
                WHEN share < 0.5 THEN below + (above - below) * share
                ELSE above - (above - below) * (1 - share)
            END AS edge
        ))),
        numbered -> numbered.edge
    ) AS edges
FROM neighbours
GROUP BY region, outcome
