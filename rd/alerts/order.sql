-- The order of the notices of one alert. The last one is its newest notice.
--
-- Notices are ordered by revision; if a notice of the alert has no revision, by the time they were
-- written, or received where they do not say; then by receipt. Used where notices are added to the
-- tables, and by DataLink.

CREATE OR REPLACE FUNCTION alert_notice_order(
	all_revised bool, revision bigint, notice_mjd float8, received float8, notice_id bigint)
RETURNS record LANGUAGE sql IMMUTABLE AS '
	SELECT CASE WHEN all_revised THEN revision END, coalesce(notice_mjd, received), notice_id';
