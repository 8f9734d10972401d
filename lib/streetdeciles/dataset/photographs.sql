-- Every photograph that has features, with the reason for which it is not used, or null. Keys only.
SELECT
    f.image_id,
    f.location_id,
    CASE
        WHEN l.location_id IS NULL THEN coalesce(u.reason, 'unknown_location')
        WHEN f.view NOT BETWEEN 0 AND :views - 1 THEN 'unknown_view'
        WHEN row_number() OVER (PARTITION BY f.location_id, f.view ORDER BY f.image_id) > 1 THEN 'view_twice'
    END AS reason
FROM {features} AS f
LEFT JOIN {locations} AS l ON f.location_id = l.location_id
LEFT JOIN {unlabelled} AS u ON f.location_id = u.location_id
