-- Each photograph whose file is known, with how its picture appears elsewhere. Views that are cut from one panorama have
-- one file, so with :panorama the same file within a location says nothing.
WITH known AS (
    SELECT image_id, location_id, view, shard, content_hash, FALSE AS rejected
    FROM {features}
    WHERE content_hash IS NOT NULL
    UNION ALL
    SELECT image_id, location_id, view, shard, content_hash, TRUE AS rejected
    FROM {rejects}
    WHERE reason = :reason
)

SELECT
    *,
    count(*) OVER (PARTITION BY content_hash) AS copies,
    min(location_id) OVER (PARTITION BY content_hash)
    <> max(location_id) OVER (PARTITION BY content_hash) AS elsewhere,
    row_number() OVER (PARTITION BY content_hash, location_id ORDER BY view, image_id) > 1 AND NOT :panorama AS again
FROM known
