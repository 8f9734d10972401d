-- Views that could not be used; a file without usable features counts as all its views. Other files are not lost views.
SELECT
    image_id,
    location_id,
    reason
FROM {keys}
LATERAL VIEW explode(sequence(1, if(view IS NULL, :views, 1))) AS number
WHERE reason IS NOT NULL AND (location_id IS NOT NULL OR reason = 'no_location_id')
