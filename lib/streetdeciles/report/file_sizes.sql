-- The number of photographs whose size in bytes is known, and the sizes below which 5, 50 and 95 % of them are.
SELECT
    count(length) AS n,
    percentile_approx(length, array(0.05, 0.5, 0.95), 10000) AS bytes
FROM {images}
