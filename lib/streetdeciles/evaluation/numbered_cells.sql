-- The cells with a known true decile, with numbers in place of texts: millions of them are shuffled.
SELECT /*+ BROADCAST(g), BROADCAST(a) */
    CAST(g.group_number AS int) AS group_number,
    CAST(find_in_set(c.method, :methods) - 1 AS int) AS method_number,
    CAST(a.area_number AS int) AS area_id,
    c.true_decile,
    c.predicted_decile,
    c.n
FROM {cells} AS c
JOIN {groups} AS g ON c.region = g.region AND c.outcome = g.outcome AND c.level = g.level
JOIN {areas} AS a ON c.region = a.region AND c.area_id = a.code
WHERE c.true_decile IS NOT NULL
