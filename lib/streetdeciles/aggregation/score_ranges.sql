-- The number of scores in each group, and their range.
SELECT
    group_number,
    count(*) AS n,
    min(score) AS lowest,
    max(score) AS highest
FROM {numbered}
GROUP BY group_number
