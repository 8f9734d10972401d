-- Each location, or the reason for which it is left out. `rows` are those of judged_rows.sql.
WITH keyed AS (
    SELECT
        *,
        xxhash64(location_id, content) AS key
    FROM {rows}
),

-- 2 and more: a location_id that appears again, or a row without one that equals another. A row that can be used is the
-- first of its location_id.
numbered AS (
    SELECT /*+ BROADCAST(r) */
        k.*,
        1 AS number
    FROM keyed AS k
    LEFT ANTI JOIN {repeated} AS r ON k.key = r.key

    UNION ALL

    SELECT /*+ BROADCAST(r) */
        k.*,
        row_number() OVER (
            PARTITION BY k.location_id, k.content
            ORDER BY k.reason_of_row IS NOT NULL, k.malformed, k.postcode
        ) AS number
    FROM keyed AS k
    LEFT SEMI JOIN {repeated} AS r ON k.key = r.key
),

decided AS (
    SELECT
        *,
        CASE
            WHEN :shares_photographs AND location_id IS NOT NULL AND number > 1 THEN 'same_photograph'
            ELSE reason_of_row
        END AS reason
    FROM numbered
)

SELECT
    location_id,
    region,
    area_id,
    oa,
    msoa,
    district,
    latitude,
    longitude,
    problem,
    reason,
    if(:shares_photographs AND location_id IS NOT NULL, 1, number) AS copy,
    CASE
        WHEN reason IS NULL THEN NULL
        WHEN location_id IS NULL THEN concat('no location_id, no. ', number, ': ', content)
        WHEN reason = 'same_photograph' THEN concat(location_id, ', no. ', number, ': ', postcode)
        ELSE location_id
    END AS left_out_id,
    concat(
        CASE reason
            WHEN 'malformed_row' THEN left(malformed, 300)
            WHEN 'no_location_id' THEN 'the row has no location_id'
            WHEN 'terminated' THEN concat('postcode ', postcode, ' is no longer in use')
            WHEN 'large_user' THEN concat('postcode ', postcode, ' is one organisation')
            WHEN 'no_grid_reference' THEN concat('postcode ', postcode, ' has no grid reference')
            WHEN 'unknown_postcode' THEN concat('postcode "', postcode, '" is not in the directory')
            WHEN 'same_photograph' THEN concat('another postcode of location ', location_id, ' is used')
            WHEN 'bad_coordinates' THEN problem
            WHEN 'no_area' THEN CASE
                WHEN oa IS NOT NULL
                    THEN concat('the row has no area_id, and labels.lookups do not have its output area ', oa)
                WHEN latitude IS NULL THEN 'the row has no area_id and no coordinates'
                ELSE 'the row has no area_id, and without labels.boundaries its coordinates cannot give one'
            END
            WHEN 'outside_boundaries' THEN concat('no area of the boundaries is at ', latitude, ', ', longitude)
            WHEN 'unknown_area' THEN concat('area ', area_id, ' is in none of labels.tables')
            WHEN 'not_in_region' THEN concat('area ', area_id, ' is in none of labels.regions')
        END,
        ' (',
        :file,
        ')'
    ) AS detail
FROM decided
