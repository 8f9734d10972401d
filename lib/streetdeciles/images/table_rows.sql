-- Each row of the table of photographs, with the image that it says, or with the reason for which it is left out.
WITH cleaned AS (
    SELECT
        uri,
        member,
        offset,
        id,
        trim(location_id) AS location_id,
        lower(trim(view)) AS view_name
    FROM {rows}
),

-- As in a file's name: a number, or a letter that stands for it.
numbered AS (
    SELECT
        *,
        CASE
            WHEN view_name RLIKE '^[0-9]+$' THEN coalesce(try_cast(view_name AS int), 2147483647)
            WHEN view_name RLIKE '^[a-z]$' THEN ascii(view_name) - ascii('a')
        END AS view
    FROM cleaned
),

judged AS (
    SELECT
        *,
        CASE
            WHEN location_id IS NULL OR location_id = '' THEN 'no_location_id'
            WHEN view IS NULL THEN 'no_view'
            WHEN view >= :views THEN 'view_out_of_range'
            WHEN uri IS NULL OR uri = '' THEN 'no_image'
            WHEN NOT uri RLIKE concat('^(/|', :uri_start, ')') THEN 'relative_uri'
        END AS reason
    FROM numbered
)

SELECT
    uri,
    member,
    offset,
    id,
    id AS name,
    CAST(NULL AS bigint) AS length,
    location_id,
    view,
    concat(location_id, '_', view) AS image_id,
    reason,
    CASE reason
        WHEN 'no_view' THEN concat('expected a number or a letter, found ', coalesce(view_name, 'null'))
        WHEN 'view_out_of_range' THEN concat('view ', view_name, ' where images.views is ', :views)
        WHEN 'relative_uri' THEN concat('expected an absolute path or a URI, found ', uri)
    END AS detail
FROM judged
