-- If a location has several photographs of a view, the first is used and the others are left out.
WITH compared AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY image_id ORDER BY id, offset) AS position,
        first_value(id) OVER (PARTITION BY image_id ORDER BY id, offset) AS first_id
    FROM {named}
    -- Only what may be an image: the rest has no image_id and would all be in one partition.
    WHERE reason IS NULL
)

SELECT
    uri,
    member,
    offset,
    id,
    name,
    length,
    modified,
    location_id,
    view_name,
    view,
    image_id,
    CASE WHEN position > 1 THEN 'duplicate' END AS reason,
    CASE WHEN position > 1 THEN concat('image ', image_id, ' is also in ', first_id) END AS detail
FROM compared
UNION ALL
SELECT
    uri,
    member,
    offset,
    id,
    name,
    length,
    modified,
    location_id,
    view_name,
    view,
    image_id,
    reason,
    detail
FROM {named}
WHERE reason IS NOT NULL
