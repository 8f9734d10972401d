-- One pass over all predictions: everything that the methods need of each unit and group.
--
-- Scores are added as whole numbers, so that their order does not matter: `score_high` in units of 2^-20, `score_low`
-- the rest in units of 2^-60, and `score_squares`, the squares of the scores, in units of 2^-30. `score_decile` is a class of pandas' qcut: right-closed, so a score at an edge is in the
-- lower one; it is null if the scores of the group give fewer than ten classes.
WITH parts AS (
    SELECT /*+ BROADCAST(e) */
        n.unit,
        n.group_number,
        n.decile,
        n.score * 1048576 AS scaled,
        CAST(rint(n.score * 1048576) AS bigint) AS score_high,
        CAST(rint(n.score * n.score * 1073741824) AS bigint) AS score_square,
        1
        + CAST(n.score > e.edge_1 AS int)
        + CAST(n.score > e.edge_2 AS int)
        + CAST(n.score > e.edge_3 AS int)
        + CAST(n.score > e.edge_4 AS int)
        + CAST(n.score > e.edge_5 AS int)
        + CAST(n.score > e.edge_6 AS int)
        + CAST(n.score > e.edge_7 AS int)
        + CAST(n.score > e.edge_8 AS int)
        + CAST(n.score > e.edge_9 AS int) AS score_decile
    FROM {numbered} AS n
    LEFT JOIN {edges} AS e ON n.group_number = e.group_number
)

SELECT
    unit,
    group_number,
    count(*) AS n_locations,
    sum(score_high) AS score_high,
    sum(CAST(rint((scaled - score_high) * 1099511627776) AS bigint)) AS score_low,
    sum(score_square) AS score_squares,
    sum(score_decile) AS score_deciles,
    count_if(decile = 1) AS n_1,
    count_if(decile = 2) AS n_2,
    count_if(decile = 3) AS n_3,
    count_if(decile = 4) AS n_4,
    count_if(decile = 5) AS n_5,
    count_if(decile = 6) AS n_6,
    count_if(decile = 7) AS n_7,
    count_if(decile = 8) AS n_8,
    count_if(decile = 9) AS n_9,
    count_if(decile = 10) AS n_10
FROM parts
GROUP BY unit, group_number
