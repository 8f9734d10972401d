-- Each shard of the index: how many photographs, and what tells that others are in it now, or changed files.
SELECT
    shard,
    count(*) AS images,
    hex(bit_xor(xxhash64(image_id, location_id, view, length))) AS members
FROM {image_index}
GROUP BY shard
ORDER BY shard
