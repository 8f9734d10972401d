-- The rows of finished shards, as the extraction stages them.
SELECT
    'feature' AS kind,
    image_id,
    location_id,
    view,
    features,
    content_hash,
    one_colour,
    CAST(NULL AS string) AS uri,
    CAST(NULL AS string) AS reason,
    CAST(NULL AS string) AS detail,
    shard
FROM {features}
UNION ALL
SELECT
    'reject' AS kind,
    image_id,
    location_id,
    view,
    CAST(NULL AS array<float>) AS features,
    content_hash,
    CAST(NULL AS boolean) AS one_colour,
    uri,
    reason,
    detail,
    shard
FROM {rejects}
