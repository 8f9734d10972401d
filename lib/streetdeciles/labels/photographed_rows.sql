-- The list of postcodes with photographs, as rows of locations with what the directory says of each postcode.
WITH spelled AS (
    SELECT
        coalesce(nullif(location_id, ''), nullif(postcode, '')) AS location_id,
        nullif(postcode, '') AS postcode,
        upper(regexp_replace(postcode, '[^A-Za-z0-9]', '')) AS key,
        malformed
    FROM {listed}
)

SELECT
    s.location_id,
    d.area_id,
    d.oa,
    d.msoa,
    d.district,
    d.latitude,
    d.longitude,
    coalesce(s.postcode, '') AS postcode,
    CASE
        WHEN s.malformed IS NOT NULL THEN NULL
        WHEN d.location_id IS NULL THEN 'unknown_postcode'
        ELSE d.excluded
    END AS excluded,
    s.malformed
FROM spelled AS s
LEFT JOIN {directory} AS d ON s.key = d.location_id
