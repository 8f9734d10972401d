-- The locations that have features, with their deciles, in buckets: `bucket` and, within it, `position` 0, 1, 2, ... in the
-- order of location_id. A lower bucket has lower ids, so numbers for all follow from the buckets' sizes; one window over all
-- locations would be one task.
WITH photographed AS (
    SELECT
        l.location_id,
        l.region,
        l.area_id,
        l.oa,
        l.msoa,
        l.latitude,
        l.longitude,
        l.unit
    FROM {locations} AS l
    LEFT SEMI JOIN {photographs} AS p ON l.location_id = p.location_id AND p.reason IS NULL
),

-- Hashes are as good as chance, and the same in every run.
firsts AS (
    SELECT sort_array(collect_list(location_id)) AS ids
    FROM (SELECT location_id FROM {locations} ORDER BY xxhash64(location_id), location_id LIMIT :buckets)
),

bucketed AS (
    SELECT /*+ BROADCAST(f) */
        size(filter(f.ids, id -> id <= p.location_id)) AS bucket,
        p.*
    FROM photographed AS p
    CROSS JOIN firsts AS f
)

SELECT
    CAST(row_number() OVER (PARTITION BY bucket ORDER BY location_id) - 1 AS bigint) AS position,
    *
FROM bucketed
LEFT JOIN {deciles} USING (region, area_id)
