-- Rows of finished shards; those that move become rejects, with the place of their photograph.
SELECT
    CASE WHEN r.moves THEN 'reject' ELSE r.kind END AS kind,
    r.image_id,
    r.location_id,
    r.view,
    CASE WHEN r.moves IS NULL THEN r.features END AS features,
    r.content_hash,
    CASE WHEN r.moves IS NULL THEN r.one_colour END AS one_colour,
    CASE
        WHEN r.moves IS NULL THEN r.uri
        WHEN i.member IS NULL THEN i.uri
        WHEN lower(i.uri) LIKE '%.parquet' THEN concat(i.uri, '!', i.offset)
        ELSE concat(i.uri, '!', i.member)
    END AS uri,
    CASE WHEN r.moves THEN :reason ELSE r.reason END AS reason,
    CASE WHEN r.moves THEN :detail ELSE r.detail END AS detail,
    r.shard
FROM {rows} AS r
LEFT JOIN {image_index} AS i ON r.image_id = i.image_id AND r.moves
