-- How often each decile is predicted for the locations of an area.
SELECT /*+ BROADCAST(o) */
    d.region,
    d.area_id,
    o.outcome,
    d.n_1,
    d.n_2,
    d.n_3,
    d.n_4,
    d.n_5,
    d.n_6,
    d.n_7,
    d.n_8,
    d.n_9,
    d.n_10,
    l.decile AS true_decile
FROM {deciles} AS d
JOIN {outcomes} AS o ON d.group_number % :n_outcomes = o.outcome_number
LEFT JOIN {area_labels} AS l ON d.region = l.region AND d.area_id = l.area_id AND o.outcome = l.outcome
WHERE d.level = :area
