-- Photographs by the reason for which no row uses them; those with reason null are used.
SELECT
    :images_stage AS stage,
    reason,
    count(*) * :views_of_one AS n
FROM {left_out}
WHERE
    stage = :images_stage
    -- Of a folder only what is called like a photograph: it may hold texts, too. A row of a table is a photograph.
    AND (:in_table OR id RLIKE :photograph)
    -- What images.view_names does not list nobody wants to use.
    AND NOT (:has_view_names AND reason = 'view_out_of_range')
GROUP BY reason

UNION ALL

SELECT
    :features_stage AS stage,
    coalesce(u.reason, r.reason) AS reason,
    count(*) AS n
FROM {rejects} AS r
LEFT JOIN {unlabelled} AS u ON r.location_id = u.location_id
GROUP BY coalesce(u.reason, r.reason)

UNION ALL

SELECT
    :dataset_stage AS stage,
    reason,
    count(*) AS n
FROM {photographs}
GROUP BY reason
