-- The :most locations of each outcome whose decile is predicted right with the highest probability, and those that are
-- furthest off, among these with the highest probability.
SELECT kind, outcome, location_id
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY kind, outcome ORDER BY off DESC, confidence DESC, location_id
        ) AS turn
    FROM (
        SELECT
            location_id,
            outcome,
            confidence,
            abs(decile - true_decile) AS off,
            CASE WHEN decile = true_decile THEN 'right' ELSE 'wrong' END AS kind
        FROM {held_out}
        WHERE true_decile IS NOT NULL AND confidence IS NOT NULL
    )
)
WHERE turn <= :most
ORDER BY outcome, kind, turn
