-- The network's scores of located predictions, with numbers in place of texts: of all locations, or of those that a
-- hash of their ids chooses, one in `every`. `temperature` is null in tables of earlier versions.
SELECT /*+ BROADCAST(a), BROADCAST(o) */
    a.area_number,
    o.outcome_number,
    p.score,
    coalesce(p.temperature, CAST(1 AS double)) AS temperature
FROM {predictions} AS p
JOIN {outcomes} AS o ON p.outcome = o.outcome
JOIN {locations} AS l ON p.location_id = l.location_id
JOIN {areas} AS a ON l.region = a.region AND l.area_id = a.area_id
WHERE p.model = :network AND pmod(xxhash64(p.location_id), :every) = 0
