-- The names of views: how many files or rows have each, and how many are left out because of it.
SELECT
    view_name,
    count(*) AS n,
    count_if(reason IN ('view_out_of_range', 'no_view', 'name_does_not_match')) AS n_out
FROM {named}
WHERE view_name <> ''
GROUP BY view_name
