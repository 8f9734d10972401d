-- Each location with the region of its area, or with the reason for which it is left out.
WITH joined AS (
    SELECT
        l.*,
        a.region,
        a.area_id IS NOT NULL AS in_a_table
    FROM {rows} AS l
    LEFT JOIN {areas} AS a ON l.area_id = a.area_id
),

judged AS (
    SELECT
        *,
        CASE
            WHEN malformed IS NOT NULL THEN 'malformed_row'
            WHEN location_id IS NULL THEN 'no_location_id'
            WHEN excluded IS NOT NULL THEN excluded
            WHEN area_id IS NULL AND problem IS NOT NULL THEN 'bad_coordinates'
            WHEN area_id IS NULL AND (latitude IS NULL OR NOT :has_boundaries) THEN 'no_area'
            WHEN area_id IS NULL THEN 'outside_boundaries'
            WHEN NOT in_a_table THEN 'unknown_area'
            WHEN region IS NULL THEN 'not_in_region'
        END AS reason_of_row
    FROM joined
),

-- 2 and more: a location_id that appears again, or a row without one that equals another. A row that can be used is the
-- first of its location_id.
numbered AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY coalesce(location_id, content) ORDER BY reason_of_row IS NOT NULL, content
        ) AS number
    FROM judged
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
            WHEN 'no_area' THEN if(
                latitude IS NULL,
                'the row has no area_id and no coordinates',
                'the row has no area_id, and without labels.boundaries its coordinates cannot give one'
            )
            WHEN 'outside_boundaries' THEN concat('no area of the boundaries is at ', latitude, ', ', longitude)
            WHEN 'unknown_area' THEN concat('area ', area_id, ' is in none of labels.tables')
            WHEN 'not_in_region' THEN concat('area ', area_id, ' is in none of labels.regions')
        END,
        ' (',
        :file,
        ')'
    ) AS detail
FROM decided
