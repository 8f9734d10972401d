-- The unit of each location, and the number of its region.
SELECT /*+ BROADCAST(u), BROADCAST(r) */
    l.location_id,
    u.unit,
    r.region_number
FROM {locations} AS l
JOIN {units} AS u
    ON l.region = u.region
    AND l.area_id = u.area_id
    AND l.oa <=> u.oa
    AND l.msoa <=> u.msoa
    AND l.district <=> u.district
JOIN {regions} AS r ON l.region = r.region
