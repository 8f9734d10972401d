-- Each shard of the index: how many photographs, and what shows that others are in it now, or other versions of them.
SELECT
    shard,
    count(*) AS images,
    hex(bit_xor(xxhash64(image_id, location_id, view, length))) AS members,
    hex(bit_xor(xxhash64(image_id, modified))) AS versions
FROM {image_index}
GROUP BY shard
ORDER BY shard
