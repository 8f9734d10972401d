-- Locations by the number of their views that gave features; those with none are left out of the results.
WITH used AS (
    SELECT
        images.location_id,
        count(DISTINCT images.view) AS views
    FROM {images} AS images
    LEFT ANTI JOIN {rejects} AS rejects ON images.image_id = rejects.image_id
    WHERE images.view BETWEEN 0 AND :views - 1
    GROUP BY images.location_id
)

SELECT
    coalesce(used.views, 0) AS views,
    count(*) AS n
FROM {locations} AS locations
LEFT JOIN used ON locations.location_id = used.location_id
GROUP BY coalesce(used.views, 0)
