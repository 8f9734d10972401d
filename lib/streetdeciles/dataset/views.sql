-- One row per view of each numbered location, with its features. The locations are the small side: features are not sorted.
SELECT /*+ SHUFFLE_HASH(n) */
    n.*,
    f.image_id,
    f.view,
    f.features
FROM {features} AS f
JOIN {numbered} AS n ON f.location_id = n.location_id
WHERE f.view BETWEEN 0 AND :views - 1
