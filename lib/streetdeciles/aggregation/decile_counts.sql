-- How often each decile is predicted for the locations of an area.
SELECT
    region,
    area_id,
    outcome,
    n_1,
    n_2,
    n_3,
    n_4,
    n_5,
    n_6,
    n_7,
    n_8,
    n_9,
    n_10,
    true_decile
FROM {deciles}
WHERE level = :area
