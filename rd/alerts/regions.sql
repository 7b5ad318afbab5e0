-- What lets questions for regions use the index of alerts.notices, in SQL as in ADQL.
--
-- The functions are those that the operators of pgSphere 1.2 and of DaCHS stand for. Theirs look
-- at every row; PostgreSQL puts these in the place of the operator, and then sees one that the
-- index knows. To be run as superuser after each set-up or upgrade of DaCHS, which brings its own.

CREATE OR REPLACE FUNCTION spoint_subset_smoc(spoint, smoc) RETURNS bool
LANGUAGE sql IMMUTABLE AS 'SELECT $2 @> smoc(29, $1)';

-- Cells of a sixteenth of the radius. The centre is added because the MOC of a circle without
-- extent is empty.
CREATE OR REPLACE FUNCTION scircle_intersect_smoc(geo_arg scircle, a_moc smoc) RETURNS bool
LANGUAGE sql IMMUTABLE AS '
	SELECT $2 && (smoc(29, center($1)) |
		smoc(least(29, greatest(3, 4 - floor(ln(greatest(radius($1), 1e-8)) / ln(2.0))::int)), $1))';

CREATE OR REPLACE FUNCTION smoc_intersect_scircle(a_moc smoc, geo_arg scircle) RETURNS bool
LANGUAGE sql IMMUTABLE AS '
	SELECT $1 && (smoc(29, center($2)) |
		smoc(least(29, greatest(3, 4 - floor(ln(greatest(radius($2), 1e-8)) / ln(2.0))::int)), $2))';
