-- The locations that have features, numbered 0, 1, 2, ... in the order of location_id, with their deciles.
-- The window has one partition: only keys and deciles pass through it, no features.
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
)

SELECT
    CAST(row_number() OVER (ORDER BY location_id) - 1 AS bigint) AS row_number,
    *
FROM photographed
LEFT JOIN {deciles} USING (region, area_id)
