-- The district of each area of a postcode directory: the one with the most postcodes there.
WITH counted AS (
    SELECT
        area_id,
        district,
        count(*) AS n
    FROM {rows}
    WHERE area_id <> '' AND district <> ''
    GROUP BY area_id, district
)

SELECT
    area_id,
    max_by(district, struct(n, district)) AS district_code
FROM counted
GROUP BY area_id
