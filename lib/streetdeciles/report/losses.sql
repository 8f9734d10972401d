-- What was counted out, by stage and reason, with a few examples of each.
SELECT
    stage,
    reason,
    max(total) AS n,
    sort_array(collect_list(struct(id, detail))) AS examples
FROM (
    SELECT
        stage,
        reason,
        id,
        detail,
        count(*) OVER (PARTITION BY stage, reason) AS total,
        row_number() OVER (PARTITION BY stage, reason ORDER BY id, detail) AS turn
    FROM {rows}
)
WHERE turn <= :most
GROUP BY stage, reason
