-- Each file and member of an archive, with the image that its name says, or with the reason why it is left out.
WITH judged AS (
    SELECT
        *,
        CASE
            WHEN kind <> 'file' THEN kind
            WHEN NOT matches AND :has_view_names AND view_name IS NOT NULL THEN 'view_out_of_range'
            WHEN NOT matches THEN 'name_does_not_match'
            WHEN view IS NULL THEN 'view_out_of_range'
        END AS reason
    FROM {entries}
)

SELECT
    uri,
    member,
    offset,
    concat_ws('!', uri, member) AS id,
    relative AS name,
    length,
    modified,
    location_id,
    view_name,
    view,
    concat(location_id, '_', view) AS image_id,
    reason,
    CASE reason
        WHEN 'name_does_not_match' THEN concat('expected a name like ', :pattern)
        WHEN 'view_out_of_range' THEN concat('view ', view_name, ', but ', :allowed_views)
        WHEN 'name_not_utf8' THEN 'the name is not UTF-8; rename the file'
        WHEN 'folder_loop' THEN 'a link to a folder above itself'
        WHEN 'not_a_file' THEN 'not a file: a link, a pipe or a device'
        WHEN 'unsafe_name' THEN 'the name leads out of the archive'
        WHEN 'name_twice' THEN 'the archive has an earlier member of that name'
        WHEN 'nested_archive' THEN 'an archive within an archive; move it out'
        ELSE detail
    END AS detail
FROM judged
