-- A postcode directory as rows of locations: each postcode by its letters and digits alone, and why it is excluded.
WITH spelled AS (
    SELECT
        *,
        upper(regexp_replace(postcode, '[^A-Za-z0-9]', '')) AS key,
        try_cast(latitude AS double) AS latitude_read
    FROM {rows}
)

SELECT
    nullif(key, '') AS location_id,
    upper(trim(area_id)) AS area_id,
    upper(trim(oa)) AS oa,
    upper(trim(msoa)) AS msoa,
    upper(trim(district)) AS district,
    -- Northern Ireland's grid references are on another grid, the Irish one.
    CASE WHEN :in_degrees OR key NOT LIKE 'BT%' THEN trim(latitude) END AS latitude,
    CASE WHEN :in_degrees OR key NOT LIKE 'BT%' THEN trim(longitude) END AS longitude,
    trim(postcode) AS postcode,
    CASE
        WHEN malformed IS NOT NULL THEN NULL
        WHEN trim(terminated) <> '' AND NOT :terminated THEN 'terminated'
        WHEN trim(user_type) = '1' AND NOT :large_users THEN 'large_user'
        -- The directory writes 99.999999, and an empty northing.
        WHEN latitude_read IS NULL OR (:in_degrees AND abs(latitude_read) > 90) THEN 'no_grid_reference'
    END AS excluded,
    malformed
FROM spelled
