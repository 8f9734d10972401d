-- Rows of all levels; those of areas have the true decile, if it is known.
SELECT
    d.*,
    l.decile AS true_decile
FROM {deciles} AS d
LEFT JOIN {area_labels} AS l
    ON d.level = :area AND d.region = l.region AND d.area_id = l.area_id AND d.outcome = l.outcome
