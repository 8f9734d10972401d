-- What a wave has staged, by shard: rows and photographs among them, which must be the same, and the tallies of its pieces.
SELECT
    shard,
    count(image_id) FILTER (WHERE kind <> 'statistics') AS `rows`,
    count(DISTINCT image_id) FILTER (WHERE kind <> 'statistics') AS images,
    collect_list(detail) FILTER (WHERE kind = 'statistics') AS tallies
FROM {extracted}
GROUP BY shard
