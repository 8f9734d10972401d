-- Locations without features, and photographs that no row holds.
WITH lost AS (
    SELECT
        l.location_id AS id,
        CASE WHEN r.location_id IS NULL THEN :lacking ELSE 'no_features' END AS reason,
        CASE
            WHEN r.location_id IS NULL THEN :lacking_detail
            ELSE concat('each of its ', :views_are, ' was rejected (', r.n, '), ', :rejected_detail)
        END AS detail
    FROM {locations} AS l
    LEFT ANTI JOIN {photographs} AS p ON l.location_id = p.location_id AND p.reason IS NULL
    LEFT JOIN (SELECT location_id, count(*) AS n FROM {rejects} GROUP BY location_id) AS r
        ON l.location_id = r.location_id

    UNION ALL

    SELECT
        location_id AS id,
        reason,
        concat(count(*), ' ', :view_is, '(s), e.g. ', min(image_id), ', of a location that ', CASE
            WHEN reason = 'unknown_location' THEN 'labels.locations does not have'
            WHEN reason IN ('not_in_region', 'outside_boundaries')
                THEN 'lies elsewhere, so the stage labels left it out'
            ELSE concat('the stage labels left out (', reason, ')')
        END) AS detail
    FROM {photographs}
    WHERE reason NOT IN ('unknown_view', 'view_twice')
    GROUP BY location_id, reason

    UNION ALL

    SELECT
        image_id AS id,
        reason,
        concat(:view_is, ' of location ', location_id, CASE reason
            WHEN 'view_twice' THEN concat(': another ', :view_is, ' of the same view is used')
            ELSE concat(': its view is not one of images.views = ', :views)
        END) AS detail
    FROM {photographs}
    WHERE reason IN ('unknown_view', 'view_twice')
)

SELECT id, reason, detail, :stage AS stage
FROM lost
