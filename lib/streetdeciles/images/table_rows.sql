-- Each row of the table of photographs, with its image, or with the reason why it is left out.
WITH judged AS (
    SELECT
        *,
        CASE
            WHEN location_id IS NULL OR location_id = '' THEN 'no_location_id'
            WHEN view IS NULL AND :has_view_names AND view_name <> '' THEN 'view_out_of_range'
            WHEN view IS NULL AND view_name RLIKE '^([0-9]+|[a-z])$' THEN 'view_out_of_range'
            WHEN view IS NULL THEN 'no_view'
            WHEN uri IS NULL OR uri = '' THEN 'no_image'
            WHEN NOT uri RLIKE concat('^(/|', :uri_start, ')') THEN 'relative_uri'
        END AS reason
    FROM {rows}
)

SELECT
    uri,
    member,
    offset,
    id,
    id AS name,
    CAST(NULL AS bigint) AS length,
    modified,
    location_id,
    view_name,
    view,
    concat(location_id, '_', view) AS image_id,
    reason,
    CASE reason
        WHEN 'no_view' THEN concat('expected a number or a letter, found ', coalesce(view_name, 'null'))
        WHEN 'view_out_of_range' THEN concat('view ', view_name, ', but ', :allowed_views)
        WHEN 'relative_uri' THEN concat('expected an absolute path or a URI, found ', uri)
    END AS detail
FROM judged
