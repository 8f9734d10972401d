-- The number of scores in each of many narrow bins of a group's range; a higher score is never in a lower bin.
SELECT /*+ BROADCAST(r) */
    n.group_number,
    CAST(floor((n.score - r.lowest) * r.bins_per_unit) AS int) AS bin,
    count(*) AS n
FROM {numbered} AS n
JOIN {ranges} AS r ON n.group_number = r.group_number
GROUP BY n.group_number, bin
