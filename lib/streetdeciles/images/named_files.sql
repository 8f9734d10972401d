-- Each file and member that was found, with the image that its name says, or with the reason for which it is left out.
WITH matched AS (
    SELECT
        uri,
        member,
        offset,
        relative,
        length,
        detail AS said,
        kind,
        regexp_extract(relative, :regex, :location_group) AS location_id,
        CASE WHEN :view_group > 0 THEN lower(regexp_extract(relative, :regex, :view_group)) ELSE '0' END AS view_name
    FROM {entries}
    WHERE kind NOT IN ('folder', 'archive')
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
        *,
        CASE
            WHEN kind <> 'file' THEN kind
            WHEN location_id = '' THEN 'name_does_not_match'
            WHEN view >= :views THEN 'view_out_of_range'
        END AS reason
    FROM numbered
)

SELECT
    uri,
    member,
    offset,
    concat_ws('!', uri, member) AS id,
    relative AS name,
    length,
    location_id,
    view,
    concat(location_id, '_', view) AS image_id,
    reason,
    CASE reason
        WHEN 'name_does_not_match' THEN concat('expected a name like ', :pattern)
        WHEN 'view_out_of_range' THEN concat('view ', view_name, ' where images.views is ', :views)
        WHEN 'name_not_utf8' THEN 'the name is not UTF-8; rename the file'
        WHEN 'folder_loop' THEN 'a link to a folder above itself'
        WHEN 'not_a_file' THEN 'not a file: a link, a pipe or a device'
        WHEN 'unsafe_name' THEN 'the name leads out of the archive'
        WHEN 'name_twice' THEN 'the archive has a member of that name before'
        WHEN 'nested_archive' THEN 'an archive within an archive; put it beside'
        ELSE said
    END AS detail
FROM judged
