-- Locations with blanks as null and coordinates as numbers, both or neither; `problem` says what is wrong with
-- coordinates that are there and are no place on earth.
WITH filled AS (
    SELECT
        nullif(location_id, '') AS location_id,
        nullif(area_id, '') AS area_id,
        nullif(oa, '') AS oa,
        nullif(msoa, '') AS msoa,
        nullif(district, '') AS district,
        nullif(latitude, '') AS latitude_text,
        nullif(longitude, '') AS longitude_text,
        postcode,
        excluded,
        malformed
    FROM {rows}
),

-- The pattern keeps out what a cast would take: NaN, Infinity, 1.5d.
parsed AS (
    SELECT
        *,
        CASE WHEN latitude_text RLIKE :number THEN try_cast(latitude_text AS double) END AS latitude_read,
        CASE WHEN longitude_text RLIKE :number THEN try_cast(longitude_text AS double) END AS longitude_read
    FROM filled
),

judged AS (
    SELECT
        *,
        CASE
            WHEN latitude_text IS NULL AND longitude_text IS NULL THEN NULL
            WHEN latitude_read IS NULL OR abs(latitude_read) > if(:in_degrees, 90, 1e9)
                THEN concat(
                    if(:in_degrees, 'latitude "', 'northing "'),
                    coalesce(latitude_text, ''),
                    '" is not a number',
                    if(:in_degrees, ' between -90 and 90', '')
                )
            WHEN longitude_read IS NULL OR abs(longitude_read) > if(:in_degrees, 180, 1e9)
                THEN concat(
                    if(:in_degrees, 'longitude "', 'easting "'),
                    coalesce(longitude_text, ''),
                    '" is not a number',
                    if(:in_degrees, ' between -180 and 180', '')
                )
        END AS problem
    FROM parsed
)

SELECT
    location_id,
    area_id,
    oa,
    msoa,
    district,
    CASE WHEN problem IS NULL THEN latitude_read END AS latitude,
    CASE WHEN problem IS NULL THEN longitude_read END AS longitude,
    problem,
    postcode,
    excluded,
    malformed,
    -- Names a row that has no location_id; a number distinguishes equal rows later.
    CASE
        WHEN location_id IS NULL
            THEN concat_ws(', ', malformed, postcode, area_id, oa, msoa, latitude_text, longitude_text)
    END AS content
FROM judged
