-- Ids of two tables that differ only in their spelling, counted by the way in which they differ. Each row of the result
-- has one example. Rows of the same loose spelling are counted before the join, so that no key has many pairs.
WITH lefts AS (
    SELECT loose, count(*) AS n, min(struct(id, spellings)) AS example
    FROM {left}
    WHERE loose <> ''
    GROUP BY loose
),

rights AS (
    SELECT loose, count(*) AS n, min(struct(id, spellings)) AS example
    FROM {right}
    WHERE loose <> ''
    GROUP BY loose
),

compared AS (
    SELECT
        l.n AS n_left,
        r.n AS n_right,
        l.example.id AS left_id,
        r.example.id AS right_id,
        nullif(array_position(zip_with(l.example.spellings, r.example.spellings, (a, b) -> a = b), true), 0) AS step
    FROM lefts AS l
    INNER JOIN rights AS r ON l.loose = r.loose
)

SELECT
    -- Spark 4.3 gives the last step where the number is null.
    CASE WHEN step IS NULL THEN :several ELSE element_at(split(:steps, '[|]'), CAST(step AS int)) END AS difference,
    sum(n_left) AS n_left,
    sum(n_right) AS n_right,
    min(struct(left_id, right_id)) AS example
FROM compared
GROUP BY difference
ORDER BY n_left DESC, difference
