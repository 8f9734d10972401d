-- A row for each view of each place, with its features. The places are the small side: the features are not sorted.
SELECT /*+ SHUFFLE_HASH(p) */
    p.*,
    f.image_id,
    f.view,
    f.features
FROM {features} AS f
JOIN {places} AS p ON f.location_id = p.location_id
WHERE f.view BETWEEN 0 AND :views - 1
