-- What names more than one row: a hash of the location_id, or of all that a row without one holds. Few rows are repeated,
-- so that only these need to be sorted; rows that merely share a hash are sorted, too, and not taken for one another.
SELECT xxhash64(location_id, content) AS key
FROM {rows}
GROUP BY key
HAVING count(*) > 1
