-- Functions that let queries by region use the index of alerts.notices, in SQL and in ADQL.
--
-- For pgSphere 1.2 and DaCHS 2.7. These functions implement operators of pgSphere and DaCHS, whose
-- own versions look at every row. PostgreSQL can inline the versions below, and then finds an
-- operator that the index supports. We suggest that DaCHS and pgSphere define them in this way.
-- To be run as superuser after each set-up or upgrade of DaCHS, which installs its own versions.

CREATE OR REPLACE FUNCTION spoint_subset_smoc(spoint, smoc) RETURNS bool
LANGUAGE sql IMMUTABLE AS 'SELECT $2 @> smoc(29, $1)';

-- Cells of a sixteenth of the radius. The centre is added because the MOC of a circle with radius
-- zero is empty.
CREATE OR REPLACE FUNCTION scircle_intersect_smoc(geo_arg scircle, a_moc smoc) RETURNS bool
LANGUAGE sql IMMUTABLE AS '
	SELECT $2 && (smoc(29, center($1)) |
		smoc(least(29, greatest(3, 4 - floor(ln(greatest(radius($1), 1e-8)) / ln(2.0))::int)), $1))';

CREATE OR REPLACE FUNCTION smoc_intersect_scircle(a_moc smoc, geo_arg scircle) RETURNS bool
LANGUAGE sql IMMUTABLE AS '
	SELECT $1 && (smoc(29, center($2)) |
		smoc(least(29, greatest(3, 4 - floor(ln(greatest(radius($2), 1e-8)) / ln(2.0))::int)), $2))';

-- In the list of columns, CONTAINS is this function; DaCHS has it with the operator @, which
-- pgSphere 1.5 no longer has for MOCs.
CREATE OR REPLACE FUNCTION contains(spoint, smoc) RETURNS integer
LANGUAGE sql IMMUTABLE AS 'SELECT ($1 <@ $2)::integer';
CREATE OR REPLACE FUNCTION contains(scircle, smoc) RETURNS integer
LANGUAGE sql IMMUTABLE AS 'SELECT ($1 <@ $2)::integer';
CREATE OR REPLACE FUNCTION contains(spoly, smoc) RETURNS integer
LANGUAGE sql IMMUTABLE AS 'SELECT ($1 <@ $2)::integer';
