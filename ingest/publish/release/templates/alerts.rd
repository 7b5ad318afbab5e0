<!-- The catalogue of alerts $name.

What is said about it is in inputs/$name; its columns are declared here. After a change:
make import RELEASE=$name -->
<resource schema="$name" resdir=".">
	<FEED source="$name/about#metadata"/>
	<table id="main" onDisk="True" primary="alert_id">
		<FEED source="$name/about#table"/>
		<!-- Alerts are no events of the detectors: they are not in km3net.events. -->
		<property name="union">no</property>
		<stc>Time UTC "mjd" Position ICRS "ra" "dec"</stc>
		<column name="alert_id" type="text" ucd="meta.id;meta.main" required="True" verbLevel="1"
			tablehead="Alert"
			description="Identifier of the alert, as in alerts.notices."/>
		<column name="event_name" type="text" ucd="meta.id" required="True" verbLevel="1"
			tablehead="Event" description="Name of the event, such as KM3-230213A."/>
		<column name="mjd" type="double precision" unit="d" ucd="time.epoch" required="True"
			verbLevel="1" tablehead="MJD" displayHint="sf=8"
			description="Time of the event (MJD, UTC)."/>
		<column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
			required="True" verbLevel="1" tablehead="RA" displayHint="sf=4"
			description="Right ascension (ICRS) of the best-fit position."/>
		<column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
			required="True" verbLevel="1" tablehead="Dec" displayHint="sf=4"
			description="Declination (ICRS) of the best-fit position."/>
		<column name="ang_err" type="double precision" unit="deg" ucd="stat.error;pos"
			verbLevel="1" tablehead="Error" displayHint="sf=3"
			description="Radius of the error circle; see ang_err_cl for its containment."/>
		<column name="ang_err_cl" type="double precision" ucd="stat.confidenceLevel;pos"
			verbLevel="1" tablehead="Containment"
			description="Probability that the source lies within ang_err; NULL if not stated."/>
		<column name="err_50" type="double precision" unit="deg" ucd="stat.error;pos"
			verbLevel="15" description="Radius of the circle that contains the source with a
				probability of 50 %; NULL if not given."/>
		<column name="err_90" type="double precision" unit="deg" ucd="stat.error;pos"
			verbLevel="15" description="Radius of the circle that contains the source with a
				probability of 90 %; NULL if not given."/>
		<column name="far" type="double precision" unit="Hz" ucd="arith.rate" verbLevel="1"
			tablehead="FAR"
			description="False-alarm rate: the rate at which background alone produces such
				alerts."/>
		<column name="energy" type="double precision" unit="GeV" ucd="phys.energy" verbLevel="1"
			displayHint="sf=3" description="Energy, as given in the newest notice."/>
		<column name="signalness" type="double precision" ucd="stat.probability" verbLevel="1"
			description="Probability that the event is of astrophysical origin."/>
		<column name="p_value" type="double precision" ucd="stat.probability" verbLevel="10"
			description="Probability that background alone produces a signal at least as
				significant."/>
		<column name="topology" type="text" ucd="meta.code.class" verbLevel="1"
			description="Event topology: track, shower, multiplet …"/>
		<column name="pipeline" type="text" ucd="meta.id" verbLevel="10"
			description="Analysis pipeline that found the event."/>
		<column name="instrument" type="text" ucd="meta.id;instr" verbLevel="1"
			description="Detector, in its configuration at the time of the event."/>
		<column name="retracted" type="integer" ucd="meta.code" required="True" verbLevel="1"
			tablehead="Retracted"
			description="1 if the alert was retracted, 0 otherwise. The row of a retracted alert
				has the values of its last notice before."/>
		<column name="revision" type="integer" ucd="meta.version" verbLevel="10"
			description="Revision of the notice from which the values are.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="notice_mjd" type="double precision" unit="d" ucd="time.creation"
			verbLevel="10" displayHint="sf=6"
			description="Time at which that notice was written (MJD, UTC)."/>
		<column name="ivorn" type="text" ucd="meta.ref.ivoid" required="True" verbLevel="10"
			tablehead="IVORN" description="Identifier of that notice in alerts.notices (IVORN)."/>
		<column name="sha256" type="text" ucd="meta.checksum" required="True" verbLevel="20"
			description="SHA-256 checksum of the packet of that notice. Join it with
				alerts.notices; the proofs of receipt contain it as well."/>
		<column name="n_events" type="integer" ucd="meta.number" verbLevel="10" tablehead="Events"
			description="Number of detector events on which the alert is based.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="event_ids" type="text" ucd="meta.id" verbLevel="15"
			description="Identifiers of these events, separated by blanks; the table events has
				them in rows."/>
		<column name="moc" type="text" ucd="pos.outline" verbLevel="30"
			description="Region of the sky that contains the source with a probability of 90 %,
				as an ASCII MOC; region_90 is the same for queries.">
			<property name="fits">region_90</property>
		</column>
		<column name="event_no" type="bigint" ucd="meta.id" required="True" verbLevel="25"
			tablehead="Number" description="Number of the alert in the FITS file (column
				EVENT_ID).">
			<property name="fits">event_id</property>
		</column>
		<column name="region_90" type="smoc" ucd="pos.outline" verbLevel="25"
			description="Region of the sky (MOC) that contains the source with a probability of
				90 %.">
			<property name="computed">moc::smoc</property>
		</column>
		<FEED source="km3net/common#event-indices"/>
		<index columns="far"/>
		<index columns="sha256"/>
	</table>

	<table id="events" onDisk="True">
		<FEED source="$name/about#access"/>
		<meta name="title">Detector events of the alerts</meta>
		<meta name="description">The detector events on which the alerts are based, one per row.
			Join event_id with that of km3net.events.</meta>
		<column name="alert_id" type="text" ucd="meta.id.parent" verbLevel="1" tablehead="Alert"
			description="Identifier of the alert."/>
		<column name="event_id" type="text" ucd="meta.id;meta.main" verbLevel="1"
			tablehead="Event" description="Identifier of the event, as in km3net.events."/>
		<viewStatement>
			CREATE VIEW \qName AS (SELECT \colNames FROM (
				SELECT alert_id, unnest(string_to_array(event_ids, ' ')) AS event_id
				FROM \schema.main) AS listed)
		</viewStatement>
	</table>

	<FEED source="km3net/common#import"/>
	<!-- After the table on which the view depends. -->
	<data id="make_events">
		<make table="events"/>
	</data>
	<service id="cone" allowed="form,scs.xml">
		<FEED source="$name/about#cone"/>
		<FEED source="km3net/common#cone"/>
	</service>
	<FEED source="$name/about#tests"/>
</resource>
