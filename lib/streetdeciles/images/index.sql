-- Images with their shard. Images of the previous index keep theirs; new ones fill new shards of about :shard_size
-- images. All new views of a location are in one shard, and images of an archive in neighbouring shards, so that few
-- shards read it.
WITH known AS (
    SELECT
        i.image_id,
        i.location_id,
        i.view,
        i.uri,
        i.member,
        i.offset,
        i.length,
        i.modified,
        p.shard
    FROM {images} AS i
    LEFT JOIN {previous} AS p ON i.image_id = p.image_id
),

new_locations AS (
    SELECT
        location_id,
        min(uri) FILTER (WHERE member IS NOT NULL) AS archive,
        min(offset) AS first_offset,
        count(*) AS images
    FROM known
    WHERE shard IS NULL
    GROUP BY location_id
),

-- Buckets distribute the running totals below over the cluster: a window over all locations would be one task.
bucketed AS (
    SELECT
        *,
        pmod(xxhash64(coalesce(archive, location_id)), 256) AS bucket
    FROM new_locations
),

buckets AS (
    SELECT
        bucket,
        sum(sum(images)) OVER (ORDER BY bucket) - sum(images) AS images_before,
        sum(sum(images)) OVER () AS all_images
    FROM bucketed
    GROUP BY bucket
),

-- As few equal shards as possible with :shard_size images at most, but none so small that a location could skip it.
planned AS (
    SELECT
        *,
        greatest(1, least(ceil(all_images / :shard_size), all_images DIV :views)) AS shards
    FROM buckets
),

-- A location is in the shard of its first image, so the sizes of shards differ by a location's images at most.
new_shards AS (
    SELECT
        l.location_id,
        (p.images_before + sum(l.images) OVER (PARTITION BY l.bucket ORDER BY l.archive, l.first_offset, l.location_id) - l.images)
        * p.shards DIV p.all_images AS shard
    FROM bucketed AS l
    INNER JOIN planned AS p ON l.bucket = p.bucket
)

SELECT
    k.image_id,
    k.location_id,
    k.view,
    k.uri,
    k.member,
    k.offset,
    k.length,
    k.modified,
    coalesce(k.shard, :first_new_shard + n.shard) AS shard
FROM known AS k
LEFT JOIN new_shards AS n ON k.location_id = n.location_id
ORDER BY shard, location_id, view
