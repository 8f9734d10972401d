-- Each location with the region of its area, or with the reason for which the row cannot be used.
WITH joined AS (
    SELECT
        l.*,
        a.region,
        a.area_id IS NOT NULL AS in_a_table
    FROM {rows} AS l
    LEFT JOIN {areas} AS a ON l.area_id = a.area_id
)

SELECT
    location_id,
    region,
    area_id,
    oa,
    msoa,
    district,
    latitude,
    longitude,
    problem,
    postcode,
    malformed,
    content,
    CASE
        WHEN malformed IS NOT NULL THEN 'malformed_row'
        WHEN location_id IS NULL THEN 'no_location_id'
        WHEN excluded IS NOT NULL THEN excluded
        WHEN area_id IS NULL AND problem IS NOT NULL THEN 'bad_coordinates'
        WHEN area_id IS NULL AND (latitude IS NULL OR NOT :has_boundaries) THEN 'no_area'
        WHEN area_id IS NULL THEN 'outside_boundaries'
        WHEN NOT in_a_table THEN 'unknown_area'
        WHEN region IS NULL THEN 'not_in_region'
    END AS reason_of_row
FROM joined
