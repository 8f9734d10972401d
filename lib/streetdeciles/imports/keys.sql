-- Every imported view, and every file without usable features, with the reason for which it is not used, or null.
SELECT
    image_id,
    location_id,
    view,
    zeros,
    hash,
    CASE WHEN is_other_shape THEN 'wrong_shape' ELSE reason END AS reason,
    CASE
        WHEN is_other_shape
            THEN concat(views, ' x ', feature_size, ' numbers, and most have ', :views, ' x ', :feature_size)
        ELSE detail
    END AS detail
FROM (
    SELECT
        *,
        reason IS NULL AND (views <> :views OR feature_size <> :feature_size) AS is_other_shape
    FROM {keys}
)
