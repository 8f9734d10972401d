-- Each file that was found, with the image that its name says, or with the reason for which it is left out.
WITH matched AS (
    SELECT
        uri,
        relative,
        length,
        kind,
        regexp_extract(relative, :regex, :location_group) AS location_id,
        CASE WHEN :view_group > 0 THEN lower(regexp_extract(relative, :regex, :view_group)) ELSE '0' END AS view_name
    FROM {entries}
    WHERE kind <> 'folder'
),

-- A view's name is its number, or a letter that stands for it: a is 0. More digits than an int holds are no view.
numbered AS (
    SELECT
        *,
        CASE
            WHEN view_name RLIKE '^[0-9]+$' THEN coalesce(try_cast(view_name AS int), 2147483647)
            ELSE ascii(view_name) - ascii('a')
        END AS view
    FROM matched
),

judged AS (
    SELECT
        uri,
        relative,
        length,
        location_id,
        view,
        view_name,
        concat(location_id, '_', view) AS image_id,
        CASE
            WHEN kind <> 'file' THEN kind
            WHEN location_id = '' THEN 'name_does_not_match'
            WHEN view >= :views THEN 'view_out_of_range'
        END AS reason
    FROM numbered
),

-- Only what may be an image: all other files would come together in one partition.
compared AS (
    SELECT
        *,
        first_value(uri) OVER (PARTITION BY image_id ORDER BY uri) AS first_uri
    FROM judged
    WHERE reason IS NULL
)

SELECT
    uri,
    relative,
    length,
    location_id,
    view,
    image_id,
    CASE WHEN uri <> first_uri THEN 'duplicate' END AS reason,
    CASE WHEN uri <> first_uri THEN concat('image ', image_id, ' is also in ', first_uri) END AS detail
FROM compared
UNION ALL
SELECT
    uri,
    relative,
    length,
    location_id,
    view,
    image_id,
    reason,
    CASE reason
        WHEN 'name_does_not_match' THEN concat('expected a name like ', :pattern)
        WHEN 'view_out_of_range' THEN concat('view ', view_name, ' where images.views is ', :views)
        WHEN 'name_not_utf8' THEN 'the name is not UTF-8; rename the file'
        WHEN 'folder_loop' THEN 'a link to a folder above itself'
        WHEN 'not_a_file' THEN 'not a file: a broken link, a pipe or a device'
    END AS detail
FROM judged
WHERE reason IS NOT NULL
