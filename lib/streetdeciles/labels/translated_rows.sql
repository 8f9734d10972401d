-- Locations with the area that a look-up gives: of their output area where they have none, of the year of the tables
-- where they have one of the other year. Where that is in several areas the coordinates decide, if there are any.
WITH joined AS (
    SELECT
        l.*,
        o.area_id AS area_of_oa,
        t.code IS NOT NULL AS is_translated,
        t.target,
        a.msoa AS msoa_of_area
    FROM {rows} AS l
    LEFT JOIN {output_areas} AS o ON nullif(l.area_id, '') IS NULL AND l.oa = o.oa
    LEFT JOIN {translation} AS t ON coalesce(nullif(l.area_id, ''), o.area_id) = t.code
    LEFT JOIN {areas} AS a ON coalesce(t.target, nullif(l.area_id, ''), o.area_id) = a.area_id
)

SELECT
    location_id,
    CASE
        WHEN target IS NOT NULL THEN target
        WHEN is_translated AND :has_boundaries AND latitude <> '' AND longitude <> '' THEN NULL
        ELSE coalesce(nullif(area_id, ''), area_of_oa)
    END AS area_id,
    oa,
    coalesce(nullif(msoa, ''), msoa_of_area) AS msoa,
    district,
    latitude,
    longitude,
    postcode,
    excluded,
    malformed
FROM joined
