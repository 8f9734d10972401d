-- What a wave has staged, by shard: rows and photographs among them, which must be the same, and the task's tally.
SELECT
    shard,
    count(image_id) FILTER (WHERE kind <> 'statistics') AS `rows`,
    count(DISTINCT image_id) FILTER (WHERE kind <> 'statistics') AS images,
    max(detail) FILTER (WHERE kind = 'statistics') AS tally
FROM {extracted}
GROUP BY shard
