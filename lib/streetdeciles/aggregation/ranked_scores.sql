-- The scores at some ranks of each group: only the bins that contain these ranks are sorted.
WITH candidates AS (
    SELECT
        group_number,
        CAST(floor(greatest(-64D, least(64D, score)) * :bins_per_unit) AS int) AS bin,
        score
    FROM {numbered}
    WHERE group_number IS NOT NULL
),

ranked AS (
    SELECT /*+ BROADCAST(b) */
        c.group_number,
        c.score,
        b.n_below + row_number() OVER (PARTITION BY c.group_number, c.bin ORDER BY c.score) - 1 AS rank
    FROM candidates AS c
    JOIN {bins} AS b ON c.group_number = b.group_number AND c.bin = b.bin
)

SELECT /*+ BROADCAST(w) */
    r.group_number,
    r.rank,
    r.score
FROM ranked AS r
JOIN {ranks} AS w ON r.group_number = w.group_number AND r.rank = w.rank
