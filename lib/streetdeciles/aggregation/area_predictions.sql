-- From predictions of locations to deciles of areas, by each method of docs/reference.md, 5.

-- Right-closed bins: a score at an edge is in the lower bin. If edges are equal, there are fewer than ten classes.
WITH scored AS (
    SELECT
        l.*,
        CASE
            WHEN size(array_distinct(e.edges)) = 11 THEN 1 + size(filter(slice(e.edges, 2, 9), edge -> edge < l.score))
        END AS score_decile
    FROM {located} AS l
    JOIN {edges} AS e ON l.region = e.region AND l.outcome = e.outcome
),

areas AS (
    SELECT
        region,
        area_id,
        outcome,
        count(*) AS n_locations,
        -- The sum is in sorted order, so that the same scores give the same mean to the last bit.
        aggregate(array_sort(collect_list(score)), 0D, (total, score) -> total + score) / count(*) AS mean_score,
        rint(avg(score_decile)) AS score_decile_mean,
        rint(avg(decile)) AS decile_mean,
        percentile(decile, 0.5D) AS decile_median,
        first(true_decile) AS true_decile
    FROM scored
    GROUP BY region, area_id, outcome
),

votes AS (
    SELECT
        region,
        area_id,
        outcome,
        decile,
        count(*) AS n_votes,
        max(count(*)) OVER (PARTITION BY region, area_id, outcome) AS most_votes
    FROM {located}
    GROUP BY region, area_id, outcome, decile
),

modes AS (
    SELECT
        region,
        area_id,
        outcome,
        avg(decile) AS decile_mode
    FROM votes
    WHERE n_votes = most_votes
    GROUP BY region, area_id, outcome
),

methods AS (
    SELECT
        a.region,
        a.area_id,
        a.outcome,
        a.n_locations,
        a.mean_score,
        a.true_decile,
        stack(
            5,
            -- The most probable class 0..9 of binomial(9, p) is floor(10 p), the upper if two are equal, as in the network.
            :score_mean, least(10D, floor(10 / (1 + exp(-a.mean_score))) + 1),
            :score_decile_mean, a.score_decile_mean,
            :decile_mean, a.decile_mean,
            :decile_median, a.decile_median,
            :decile_mode, m.decile_mode
        ) AS (method, decile)
    FROM areas AS a
    JOIN modes AS m ON a.region = m.region AND a.area_id = m.area_id AND a.outcome = m.outcome
)

SELECT
    region,
    :area AS level,
    area_id,
    outcome,
    method,
    n_locations,
    mean_score,
    decile,
    true_decile
FROM methods
WHERE decile IS NOT NULL
