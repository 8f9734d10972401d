-- The number of scores in each of many narrow bins; a higher score is never in a lower bin. Scores beyond 64 on either
-- side, where all probabilities are 0 or 1, share the outermost bins.
SELECT
    group_number,
    CAST(floor(greatest(-64D, least(64D, score)) * :bins_per_unit) AS int) AS bin,
    count(*) AS n
FROM {numbered}
WHERE group_number IS NOT NULL
GROUP BY group_number, bin
