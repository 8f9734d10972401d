-- One photograph of each location, drawn by a hash that the seed changes, of those that gave features.
SELECT image_id, location_id, view, uri, member, offset, length
FROM (
    SELECT
        images.*,
        row_number() OVER (
            PARTITION BY images.location_id ORDER BY xxhash64(images.image_id, :seed), images.image_id
        ) AS turn
    FROM {images} AS images
    LEFT ANTI JOIN {rejects} AS rejects
        ON images.image_id = rejects.image_id
)
WHERE turn = 1
