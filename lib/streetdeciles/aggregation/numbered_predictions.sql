-- The network's predictions with numbers in place of texts. One of a location that is not in the table locations has no
-- unit. A group is one outcome in one region.
SELECT /*+ BROADCAST(o) */
    l.unit,
    CAST(l.region_number * :n_outcomes + o.outcome_number AS int) AS group_number,
    p.score,
    p.decile
FROM {predictions} AS p
JOIN {outcomes} AS o ON p.outcome = o.outcome
LEFT JOIN {locations} AS l ON p.location_id = l.location_id
WHERE p.model = :network
