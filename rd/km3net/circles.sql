-- The index of error circles: the cells of the sky in which circles of a size have their centres.
--
-- A circle belongs to a class by its radius: up to 0.25, 0.5, 1, 2, 4, 8, 16 deg, or more. Each has
-- a grid of its own, the pixels of q3c with 128, 64, … 1 on each side of its six faces, a few times
-- as wide as the radii. circle_cell(circle) is the number of the class and of the cell, for a plain
-- index; cells_around(centre, radius) lists the cells in which all circles have their centres that
-- touch the given one. The condition
--
--     circle_cell(c) = ANY (cells_around(center(d), radius(d)))
--
-- is thus true whenever c and d touch or one contains the other, and the index finds the rows.
-- site/dachs/patches/circles.py adds it to queries.
--
-- To be run as superuser when an instance is set up or upgraded. Existing indices contain results
-- of circle_cell: a function that gives others needs another name.

CREATE OR REPLACE FUNCTION circle_cell(circle scircle) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN
	(width_bucket(degrees(radius(circle)), '{0.25, 0.5, 1, 2, 4, 8, 16}'::float8[])::bigint << 20)
	+ (q3c_ang2ipix(degrees(long(center(circle))), degrees(lat(center(circle)))) >>
		(46 + 2 * width_bucket(degrees(radius(circle)), '{0.25, 0.5, 1, 2, 4, 8, 16}'::float8[])));

-- q3c_nearby_it returns up to four ranges of pixels that cover a circle, each as two numbers. Radii
-- are enlarged by a millionth, far more than what is lost by rounding. From 28 to 36 deg q3c 2.0.0
-- loses pixels at the edges of faces; we stop at 25 and take all cells, as q3c does beyond 36.
CREATE OR REPLACE FUNCTION cells_around(centre spoint, radius double precision) RETURNS bigint[]
LANGUAGE sql IMMUTABLE STRICT
RETURN (
	SELECT array_agg((class << 20) + cell)
	FROM generate_series(0, 6) AS size,
		LATERAL (SELECT size::bigint AS class, 46 + 2 * size AS bits,
			degrees(long(centre)) AS ra, degrees(lat(centre)) AS dec,
			degrees(radius) + 0.25 * 2 ^ size * (1 + 1e-6) AS enlarged) AS grid,
		LATERAL (SELECT CASE WHEN enlarged < 25 THEN enlarged ELSE 180 END AS reach) AS circle,
		generate_series(0, 6, 2) AS part,
		generate_series(q3c_nearby_it(ra, dec, reach, part) >> bits,
			q3c_nearby_it(ra, dec, reach, part + 1) >> bits) AS cell
) || (SELECT array_agg((7::bigint << 20) + face) FROM generate_series(0, 5) AS face);
