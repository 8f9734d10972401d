-- Views of nothing but zeros, and locations all of whose views are those of another location.
WITH locations AS (
    SELECT
        location_id,
        array_sort(collect_set(struct(view, hash))) AS hashes,
        max(NOT zeros) AS is_seen
    FROM {keys}
    WHERE reason IS NULL
    GROUP BY location_id
),

alike AS (
    SELECT count(*) AS n
    FROM locations
    WHERE is_seen
    GROUP BY hashes
)

SELECT
    (SELECT count(*) FROM {keys} WHERE reason IS NULL AND zeros) AS zeros,
    (SELECT coalesce(sum(n), 0) FROM alike WHERE n > 1) AS repeated
