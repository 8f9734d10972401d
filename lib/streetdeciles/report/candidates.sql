-- Up to :most locations of each true decile of one outcome, drawn by a hash that the seed changes.
SELECT location_id, true_decile
FROM (
    SELECT
        location_id,
        true_decile,
        row_number() OVER (
            PARTITION BY true_decile ORDER BY xxhash64(location_id, :seed), location_id
        ) AS turn
    FROM {held_out}
    WHERE outcome = :outcome AND true_decile IS NOT NULL
)
WHERE turn <= :most
ORDER BY true_decile, turn
