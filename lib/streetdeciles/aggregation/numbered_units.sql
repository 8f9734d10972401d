-- The smallest units that locations may differ in, numbered from 0: their counts add up to those of every level.
SELECT
    *,
    CAST(row_number() OVER (ORDER BY region, area_id, oa, msoa, district) - 1 AS int) AS unit
FROM (SELECT DISTINCT region, area_id, oa, msoa, district FROM {locations})
