<!-- The alert archive. The tables are filled by `km3vo alerts`, in transactions of its own, from
the packets it keeps; this descriptor is the only definition of what they hold. -->
<resource schema="alerts" resdir=".">
	<meta name="title">Archive of alerts of neutrino telescopes</meta>
	<meta name="description">Alert packets of KM3NeT, ANTARES, IceCube and of other observatories,
		as they were sent: each notice with all its revisions and retractions, its sky region, the
		detector events it is made of, and every parameter of the packet.</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="creator">KM3NeT Collaboration</meta>
	<meta name="facility">KM3NeT</meta>
	<meta name="referenceURL">https://www.km3net.org</meta>
	<FEED source="km3net/common#metadata"/>
	<FEED source="km3net/voevent#extension"/>

	<meta name="_longdoc" format="rst"><![CDATA[
		What the archive is
		===================

		Observatories tell each other of transient events by small packets: VOEvents in XML, and
		notices in JSON that NASA's General Coordinates Network (GCN) passes on. Networks keep them
		for days. This archive keeps each packet for ever, byte by byte, with every revision and
		every retraction, of KM3NeT, ANTARES, IceCube and of all other observatories whose packets
		reach it.

		Which table do I want?
		======================

		alerts.latest has one row per alert: its newest notice. Tests and injected signals are
		left out. Start here.

		alerts.notices has all packets with all revisions, tests and retractions. What belongs to
		one alert has the same alert_id, in whatever format it came; revision gives the order.

		alerts.events has the detector events an alert is made of, alerts.counterparts the sources
		a packet names, alerts.citations which packet refers to which one, alerts.params every
		value of a packet, as it stands there. Join them with notice_id.

		What to keep in mind
		====================

		An alert that was taken back stays, with retracted = 1. Ask for retracted = 0 if you want
		what its collaboration still stands by.

		pos_err is a radius with the probability pos_err_cl that the source is within. Observatories
		give 50 %, 68 % or 90 %: never compare radii without looking at it. pos_err_90 and region_90
		are for 90 % always. Some packets do not say what their radius means; region_origin tells
		where a region comes from.

		region_90 is a Multi-Order Coverage map (MOC). Ask 1 = CONTAINS(POINT(ra, dec), region_90)
		for a source and 1 = INTERSECTS(CIRCLE(ra, dec, radius), region_90) for a field. A sky map
		need not be round, so this is better than a distance from the position.

		far is in Hz whatever unit a packet has: once a year is 3.2e-8 Hz. energy is in GeV;
		energy_kind says which energy it is, and it is not the same from stream to stream.

		An empty cell is something the packet does not say.

		How to get at the packets
		=========================

		Each row's link (DataLink) leads to the packet itself, its sky map, earlier and later
		notices of the alert, the packets it cites, and the published detector events. The packet
		alone is to be had at /alerts/nu/packet?ivorn=... with its identifier, percent-encoded, in
		the place of the dots, or at /alerts/nu/packet?notice_id=...
		]]></meta>

	<STREAM id="notice-columns">
		<doc>What is said of a notice; the columns of the table of all, and of the view of the
		newest ones.</doc>
		<stc>Time UTC "event_mjd" Position ICRS "ra" "dec"</stc>
		<column name="notice_id" type="bigint" ucd="meta.id;meta.main" required="True" verbLevel="1"
			tablehead="Notice"
			description="Number of the packet in the archive, in order of receipt."/>
		<column name="ivorn" type="text" ucd="meta.ref.ivoid" required="True" verbLevel="1"
			tablehead="IVORN"
			description="Identifier of the packet. For notices in JSON, which have none, the
				archive makes it from stream, event and date."/>
		<column name="version" type="integer" ucd="meta.version" required="True" verbLevel="20"
			description="1 for the first packet that came under its identifier, 2 and so on for
				other ones under the same identifier."/>
		<column name="stream" type="text" ucd="meta.id" required="True" verbLevel="1"
			description="Stream of alerts the notice belongs to, such as km3net or icecube/gold."/>
		<column name="event_name" type="text" ucd="meta.id" verbLevel="1" tablehead="Event"
			description="Name of the astronomical event, such as KM3-230213A."/>
		<column name="alert_id" type="text" ucd="meta.id.parent" required="True" verbLevel="10"
			tablehead="Alert"
			description="The same for all notices of one alert, in whatever format they came."/>
		<column name="record_number" type="integer" ucd="meta.number" verbLevel="20"
			tablehead="Record" description="Number of the notice, as the packet has it.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="revision" type="integer" ucd="meta.version" verbLevel="1"
			description="Number of the revision, by which notices of one alert follow each other;
				there may be gaps, and a late revision may be an earlier one.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="role" type="text" ucd="meta.code" required="True" verbLevel="10"
			description="Role of the packet: observation, prediction, utility or test."/>
		<column name="notice_type" type="text" ucd="meta.code.class" required="True" verbLevel="1"
			tablehead="Type" description="initial, update or retraction."/>
		<column name="alert_type" type="text" ucd="meta.code" verbLevel="20"
			description="The packet's own word for its type."/>
		<column name="is_test" type="smallint" ucd="meta.code" required="True" verbLevel="10"
			tablehead="Test" description="1 if the packet says in any way that it is a test."/>
		<column name="is_injection" type="smallint" ucd="meta.code" required="True" verbLevel="20"
			tablehead="Injection" description="1 if the signal was put into the data by hand."/>
		<column name="is_latest" type="smallint" ucd="meta.code" required="True" verbLevel="15"
			tablehead="Latest"
			description="1 for the newest notice of its alert by revision, not by arrival."/>
		<column name="retracted" type="smallint" ucd="meta.code" required="True" verbLevel="1"
			tablehead="Retracted"
			description="1 if the alert is retracted: its newest notice is a retraction."/>
		<column name="event_mjd" type="double precision" unit="d" ucd="time.epoch" verbLevel="1"
			tablehead="Event time" displayHint="sf=6"
			description="Time of the event, MJD in UTC."/>
		<column name="notice_mjd" type="double precision" unit="d" ucd="time.creation" verbLevel="1"
			tablehead="Notice time" displayHint="sf=6"
			description="When the notice was written, MJD in UTC."/>
		<column name="received" type="double precision" unit="d" ucd="time.processing"
			required="True" verbLevel="20" displayHint="sf=6"
			description="When this archive received the packet, MJD in UTC."/>
		<column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
			tablehead="RA" verbLevel="1" displayHint="sf=4"
			description="Right ascension (ICRS) of the best position."/>
		<column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
			tablehead="Dec" verbLevel="1" displayHint="sf=4"
			description="Declination (ICRS) of the best position."/>
		<column name="pos_err" type="double precision" unit="deg" ucd="stat.error;pos" verbLevel="1"
			tablehead="Error" displayHint="sf=3" description="Radius of the error circle."/>
		<column name="pos_err_cl" type="double precision" ucd="stat.probability;pos" verbLevel="1"
			tablehead="Containment"
			description="Probability that the source is within pos_err; empty where the
				collaboration does not say."/>
		<column name="pos_err_50" type="double precision" unit="deg" ucd="stat.error;pos"
			verbLevel="15" displayHint="sf=3"
			description="Radius of the circle that contains the source with a probability of
				50 %, where the packet has it."/>
		<column name="pos_err_90" type="double precision" unit="deg" ucd="stat.error;pos"
			verbLevel="15" displayHint="sf=3"
			description="Radius of the circle that contains the source with a probability of
				90 %, where the packet has it."/>
		<column name="pos_err_stat" type="smallint" ucd="meta.code" verbLevel="20"
			description="1 if pos_err includes the statistical error; empty where unknown.">
			<values nullLiteral="-32768"/>
		</column>
		<column name="pos_err_sys" type="smallint" ucd="meta.code" verbLevel="20"
			description="1 if pos_err includes the systematic error; empty where unknown.">
			<values nullLiteral="-32768"/>
		</column>
		<column name="far" type="double precision" unit="Hz" ucd="arith.rate" verbLevel="1"
			tablehead="FAR"
			description="False alarm rate: how often background alone gives such an alert."/>
		<column name="far_original" type="double precision" ucd="arith.rate" verbLevel="25"
			description="The false alarm rate as the packet has it, in far_unit."/>
		<column name="far_unit" type="text" ucd="meta.unit" verbLevel="25"
			description="Unit of far_original, as the packet has it."/>
		<column name="far_doubtful" type="smallint" ucd="meta.code.qual" verbLevel="20"
			description="1 if far_unit cannot be right, and far was taken as Hz.">
			<values nullLiteral="-32768"/>
		</column>
		<column name="energy" type="double precision" unit="GeV" ucd="phys.energy" verbLevel="1"
			displayHint="sf=3" description="Energy; see energy_kind for which one."/>
		<column name="energy_kind" type="text" ucd="meta.note" verbLevel="15"
			description="What energy is, in words."/>
		<column name="signalness" type="double precision" ucd="stat.probability" verbLevel="1"
			description="Probability of an astrophysical origin."/>
		<column name="p_value" type="double precision" ucd="stat.probability" verbLevel="10"
			description="Probability that background alone gives at least such a signal."/>
		<column name="topology" type="text" ucd="meta.code.class" verbLevel="1"
			description="Form of the event: track, shower, multiplet …"/>
		<column name="pipeline" type="text" ucd="meta.id" verbLevel="10"
			description="Analysis that found the event."/>
		<column name="instrument" type="text" ucd="meta.id;instr" verbLevel="10"
			description="Detector, in the configuration it had."/>
		<column name="n_events" type="integer" ucd="meta.number" verbLevel="10"
			tablehead="Events"
			description="Number of detector events the alert is made of.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="region_50" type="smoc" ucd="pos.outline" verbLevel="25"
			description="Part of the sky (MOC) that contains the source with a probability of
				50 %."/>
		<column name="region_90" type="smoc" ucd="pos.outline" verbLevel="25"
			description="Part of the sky (MOC) that contains the source with a probability of
				90 %."/>
		<column name="region_origin" type="text" ucd="meta.note" verbLevel="20"
			description="What the regions were made from: map, circle, or circle of unknown
				containment, which is then taken as one of 50 %."/>
		<!-- The xtype because DaCHS 2.7 writes broken binary tables for polygons without. -->
		<column name="outline" type="spoly" xtype="adql:REGION" ucd="pos.outline" verbLevel="30"
			description="Polygon around the circle of 90 %, for clients that do not know MOCs."/>
		<column name="sky_map_url" type="text" ucd="meta.ref.url" verbLevel="15"
			description="Where the collaboration has the sky map; the first, if there are
				several."/>
		<column name="sky_map" type="text" ucd="meta.id" verbLevel="25"
			description="SHA-256 of the sky map, where it is kept in this archive."/>
		<column name="media_format" type="text" ucd="meta.code.mime" required="True" verbLevel="20"
			description="Format of the packet: voevent-2.0, gcn-json …"/>
		<column name="sha256" type="text" ucd="meta.checksum" required="True" verbLevel="20"
			description="SHA-256 of the packet's bytes."/>
		<column name="packet_size" type="integer" unit="byte" ucd="phys.size;meta.file" required="True"
			verbLevel="25" description="Length of the packet."/>
		<column name="origin" type="text" ucd="meta.note" required="True" verbLevel="25"
			description="Where this archive has the packet from."/>
		<column name="remarks" type="text" ucd="meta.note" verbLevel="15"
			description="What was noticed when the packet was read: units that cannot be right,
				positions that are none."/>
	</STREAM>

	<table id="notices" onDisk="True" adql="True" primary="notice_id">
		<meta name="title">All alert notices</meta>
		<meta name="description">Every alert packet in every version, with tests and retractions.
			For the newest notice of each alert see alerts.latest.</meta>
		<!-- pyvo does not follow links by a column of numbers. -->
		<meta name="_associatedDatalinkService">
			<meta name="serviceId">dl</meta>
			<meta name="idColumn">sha256</meta>
		</meta>
		<FEED source="notice-columns"/>
		<index columns="ivorn, version"/>
		<!-- A hash, because names may be longer than other indices allow. -->
		<index columns="event_name" method="HASH"/>
		<index columns="alert_id, is_latest"/>
		<index columns="alert_id, revision"/>
		<!-- By which DataLink finds a notice. -->
		<index columns="sha256" method="HASH"/>
		<!-- What ivoa.obscore is searched by, exactly as the view computes it. -->
		<index name="did" columns="notice_id"
			>('ivo://\getConfig{ivoa}{authority}/~?alerts/' || CAST(notice_id AS text))</index>
		<index name="collection" columns="stream">('alerts/' || stream)</index>
		<index columns="event_mjd"/>
		<index columns="notice_mjd"/>
		<index name="q3c_position" kind="q3c">
			<columns>ra, dec</columns>
			q3c_ang2ipix(ra, dec)
		</index>
		<index columns="region_90" method="GIN"/>
	</table>

	<table id="events" onDisk="True" adql="True" primary="notice_id, event_no">
		<meta name="title">Detector events of alerts</meta>
		<meta name="description">The single events that the alerts are made of. For alerts of KM3NeT
			event_id is the same as in km3net.events.</meta>
		<foreignKey inTable="notices" source="notice_id" metaOnly="True"/>
		<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True" verbLevel="1"
			tablehead="Notice" description="The notice, in alerts.notices."/>
		<column name="event_no" type="integer" ucd="meta.number" required="True" verbLevel="20"
			description="Number of the event in the notice, from 1."/>
		<column name="event_id" type="text" ucd="meta.id;meta.main" required="True" verbLevel="1"
			tablehead="Event" description="Name of the event; for KM3NeT km3, then the numbers of
				detector, run, frame and trigger."/>
		<column name="event_mjd" type="double precision" unit="d" ucd="time.epoch" verbLevel="1"
			displayHint="sf=6" description="Time of the event, MJD in UTC."/>
		<column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main" verbLevel="1"
			displayHint="sf=4" description="Right ascension (ICRS) the particle came from."/>
		<column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
			verbLevel="1" displayHint="sf=4"
			description="Declination (ICRS) the particle came from."/>
		<column name="pos_err" type="double precision" unit="deg" ucd="stat.error;pos" verbLevel="1"
			description="Radius of the error circle."/>
		<column name="pos_err_cl" type="double precision" ucd="stat.probability;pos" verbLevel="10"
			description="Probability that the true direction is within pos_err."/>
		<column name="cos_zenith" type="double precision" ucd="pos.az.zd" verbLevel="15"
			description="Cosine of the zenith angle as the packet has it; for KM3NeT +1 is an event
				that came up through the Earth."/>
		<column name="topology" type="text" ucd="meta.code.class" verbLevel="10"
			description="Form of the event: track, shower."/>
		<column name="energy" type="double precision" unit="GeV" ucd="phys.energy" verbLevel="1"
			displayHint="sf=3" description="Measured energy."/>
		<index columns="event_id"/>
	</table>

	<table id="counterparts" onDisk="True" adql="True" primary="notice_id, counterpart_no">
		<meta name="title">Possible counterparts of alerts</meta>
		<meta name="description">Sources and other events that a notice says may belong to the
			alert.</meta>
		<foreignKey inTable="notices" source="notice_id" metaOnly="True"/>
		<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True" verbLevel="1"
			tablehead="Notice" description="The notice, in alerts.notices."/>
		<column name="counterpart_no" type="integer" ucd="meta.number" required="True"
			verbLevel="20" description="Number of the counterpart in the notice, from 1."/>
		<column name="counterpart_name" type="text" ucd="meta.id;src" verbLevel="1"
			tablehead="Name" description="Name of the source."/>
		<column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main" verbLevel="1"
			displayHint="sf=4" description="Right ascension (ICRS)."/>
		<column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
			verbLevel="1" displayHint="sf=4" description="Declination (ICRS)."/>
		<column name="pos_err" type="double precision" unit="deg" ucd="stat.error;pos" verbLevel="1"
			description="Radius of the error circle."/>
		<column name="counterpart_mjd" type="double precision" unit="d" ucd="time.epoch"
			verbLevel="1" displayHint="sf=6" description="Time of the other event, MJD in UTC."/>
		<column name="angular_distance" type="double precision" unit="deg" ucd="pos.angDistance"
			verbLevel="10" description="Distance from the alert's position."/>
		<column name="reference" type="text" ucd="meta.ref" verbLevel="10"
			description="Catalogue or notice it is known from."/>
		<column name="description" type="text" ucd="meta.note" verbLevel="15"
			description="What else the packet says of it."/>
	</table>

	<table id="params" onDisk="True" adql="True" primary="notice_id, param_no">
		<meta name="title">Parameters of alert packets</meta>
		<meta name="description">Everything that a packet says, as it stands there, by its
			path in the packet.</meta>
		<foreignKey inTable="notices" source="notice_id" metaOnly="True"/>
		<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True" verbLevel="1"
			tablehead="Notice" description="The notice, in alerts.notices."/>
		<column name="param_no" type="integer" ucd="meta.number" required="True" verbLevel="20"
			description="Number of the parameter in the packet, from 1."/>
		<column name="part" type="text" ucd="meta.code" required="True" verbLevel="10"
			description="Part of the packet: What, Who, WhereWhen, How, Why, Citations, VOEvent;
				json for a notice in JSON."/>
		<column name="param_path" type="text" ucd="meta.id" required="True" verbLevel="1"
			tablehead="Parameter"
			description="Name of the parameter, after the names of the groups it is in."/>
		<column name="param_value" type="text" ucd="meta.record" verbLevel="1" tablehead="Value"
			description="The value as the packet has it."/>
		<column name="param_unit" type="text" ucd="meta.unit" verbLevel="1" tablehead="Unit"
			description="The unit as the packet has it."/>
		<column name="param_ucd" type="text" ucd="meta.ucd" verbLevel="20"
			description="The UCD as the packet has it."/>
		<column name="data_type" type="text" ucd="meta.code" verbLevel="25"
			description="The type as the packet has it."/>
		<column name="description" type="text" ucd="meta.note" verbLevel="20"
			description="What the packet says of the parameter."/>
	</table>

	<table id="citations" onDisk="True" adql="True" primary="notice_id, citation_no">
		<meta name="title">Citations between alert packets</meta>
		<meta name="description">Which packets a notice refers to; they need not be in this
			archive.</meta>
		<foreignKey inTable="notices" source="notice_id" metaOnly="True"/>
		<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True" verbLevel="1"
			tablehead="Notice" description="The notice, in alerts.notices."/>
		<column name="citation_no" type="integer" ucd="meta.number" required="True" verbLevel="20"
			description="Number of the citation in the notice, from 1."/>
		<column name="cited_ivorn" type="text" ucd="meta.ref.ivoid" required="True" verbLevel="1"
			tablehead="Cited" description="Identifier of the packet that is cited."/>
		<column name="cite" type="text" ucd="meta.code" required="True" verbLevel="1"
			description="followup, supersedes, retraction, or what else the packet says."/>
		<index columns="cited_ivorn"/>
	</table>

	<table id="latest" onDisk="True" adql="True">
		<meta name="title">The newest notice of each alert</meta>
		<meta name="description">For each alert its newest notice, by revision and not by arrival;
			retracted alerts have retracted = 1. Tests, injected signals and packets that are only
			for the running of a network are left out: they are in alerts.notices.</meta>
		<meta name="_associatedDatalinkService">
			<meta name="serviceId">dl</meta>
			<meta name="idColumn">sha256</meta>
		</meta>
		<!-- Radii that a real number cannot hold would break every query of ivoa.obscore. -->
		<mixin
			dataproduct_type="'event'"
			calib_level="2"
			obs_collection="'alerts/' || stream"
			obs_id="alert_id"
			obs_title="coalesce(event_name, alert_id) || ', alert of ' || stream || ', ' || notice_type"
			obs_publisher_did="'ivo://\getConfig{ivoa}{authority}/~?alerts/' || CAST(notice_id AS text)"
			obs_creator_did="ivorn"
			access_url="'\getConfig{web}{serverURL}/alerts/nu/dl/dlmeta?ID=' || CAST(notice_id AS text)"
			access_format="'application/x-votable+xml;content=datalink'"
			access_estsize="packet_size / 1024 + 1"
			preview="NULL"
			s_ra="ra"
			s_dec="dec"
			s_fov="CASE WHEN pos_err_90 BETWEEN 1e-9 AND 180 THEN 2 * pos_err_90 END"
			s_region="outline"
			s_resolution="CASE WHEN pos_err_50 BETWEEN 1e-9 AND 180 THEN 3600 * pos_err_50 END"
			t_min="event_mjd"
			t_max="event_mjd"
			em_min="CASE WHEN energy BETWEEN 1e-15 AND 1e15 THEN 1.239841984e-15 / energy END"
			em_max="CASE WHEN energy BETWEEN 1e-15 AND 1e15 THEN 1.239841984e-15 / energy END"
			s_xel1="-1"
			s_xel2="-1"
			t_xel="-1"
			em_xel="-1"
			pol_xel="-1"
			facility_name="CASE split_part(stream, '/', 1) WHEN 'km3net' THEN 'KM3NeT'
				WHEN 'antares' THEN 'KM3NeT' WHEN 'icecube' THEN 'IceCube' END"
			instrument_name="CASE split_part(stream, '/', 1)
				WHEN 'antares' THEN coalesce(instrument, 'ANTARES') ELSE instrument END"
			>//obscore#publish</mixin>
		<FEED source="notice-columns"/>
		<index name="q3c_position" kind="q3c" metaOnly="True" columns="ra, dec"/>
		<viewStatement>
			CREATE VIEW \qName AS (SELECT \colNames FROM \schema.notices
				WHERE is_latest = 1 AND is_test = 0 AND is_injection = 0 AND role != 'utility')
		</viewStatement>
	</table>

	<table id="aliases" onDisk="True" adql="False" primary="alias">
		<meta name="title">Alerts under other names</meta>
		<meta name="description">Names that packets have for an alert which is known under another
			one, since a citation told that both are the same.</meta>
		<column name="alias" type="text" ucd="meta.id" required="True"
			description="Name by the packet alone."/>
		<column name="alert_id" type="text" ucd="meta.id.parent" required="True"
			description="Name of the alert in alerts.notices."/>
		<index columns="alert_id"/>
	</table>

	<!-- Their rows come from the archive; what is there already stays. -->
	<data id="make_tables" updating="True">
		<make table="notices"/>
		<make table="events"/>
		<make table="counterparts"/>
		<make table="params"/>
		<make table="citations"/>
		<make table="aliases"/>
	</data>
	<!-- By itself, and each time: it has no rows of its own, and DaCHS would make it before the
	table it is a view of. -->
	<data id="make_views">
		<make table="latest"/>
	</data>

	<coverage>
		<!-- The time grows with the archive; make publish looks again. -->
		<updater timeTable="notices"/>
		<spatial>0/0-11</spatial>
		<temporal/>
		<!-- What the detectors behind the alerts see: neutrinos of 1 GeV to 100 EeV. -->
		<spectral>1.602176634e-10 1.602176634e1</spectral>
	</coverage>

	<STREAM id="constraints">
		<doc>What the searches by position can be narrowed down with.</doc>
		<condDesc buildFrom="stream"/>
		<condDesc buildFrom="event_mjd"/>
		<condDesc buildFrom="far"/>
		<condDesc buildFrom="signalness"/>
		<condDesc buildFrom="energy"/>
		<condDesc buildFrom="topology"/>
		<condDesc buildFrom="retracted"/>
	</STREAM>

	<STREAM id="page-columns">
		<doc>What a web page shows of the alerts; VOTables have all columns.</doc>
		<outputTable>
			<outputField original="//scs#distCol" displayHint="displayUnit=deg,sf=2"/>
			<outputField original="latest.notice_id" tablehead="Links">
				<formatter>
					return T.a(href=base.makeAbsoluteURL("alerts/nu/dl/dlmeta?ID=%d"%data))[
						"packet …"]
				</formatter>
			</outputField>
			<outputField original="latest.alert_id"/>
			<outputField original="latest.stream"/>
			<outputField original="latest.notice_type"/>
			<outputField original="latest.retracted"/>
			<outputField original="latest.event_mjd" displayHint="type=humanDate"/>
			<outputField original="latest.ra"/>
			<outputField original="latest.dec"/>
			<outputField original="latest.pos_err"/>
			<outputField original="latest.pos_err_cl"/>
			<outputField original="latest.far">
				<formatter>return "" if data is None else "%.2g"%data</formatter>
			</outputField>
			<outputField original="latest.energy">
				<formatter>return "" if data is None else "%.3g"%data</formatter>
			</outputField>
			<outputField original="latest.signalness"/>
			<outputField original="latest.topology"/>
		</outputTable>
	</STREAM>

	<service id="cone" allowed="form,scs.xml">
		<meta name="title">Alerts around a position</meta>
		<meta name="shortName">KM3NeT alerts</meta>
		<meta name="description">Cone search over the positions of astronomical alerts: neutrinos of
			KM3NeT, ANTARES and IceCube, and what other observatories sent. One row per alert, its
			newest notice. For alerts with large regions see the search for regions.</meta>
		<meta name="testQuery">
			<meta name="ra">94.3</meta>
			<meta name="dec">-7.8</meta>
			<meta name="sr">1</meta>
		</meta>
		<publish render="scs.xml" sets="ivo_managed"/>
		<publish render="form" sets="local,ivo_managed"/>
		<scsCore queriedTable="latest">
			<FEED source="//scs#coreDescs"/>
			<FEED source="constraints"/>
		</scsCore>
		<FEED source="page-columns"/>
	</service>

	<!-- No scs.xml: a cone search promises positions within the cone, and clients drop others. -->
	<service id="region" allowed="form,api">
		<meta name="title">Alerts whose region contains a position</meta>
		<meta name="shortName">KM3NeT alertmaps</meta>
		<meta name="description">Which alerts may have come from here? Finds the alerts whose 90 %
			region contains a position (RA, DEC) or, with a radius SR, has some part in common
			with a circle around it. The positions of the alerts themselves may be far outside.
			One row per alert, its newest notice; alerts without a region are never found.
			The parameters are those of a cone search, all in degrees (ICRS); without SR, or with
			SR=0, the region must contain the position.</meta>
		<publish render="api" sets="ivo_managed"/>
		<publish render="form" sets="local,ivo_managed"/>
		<scsCore queriedTable="latest">
			<condDesc combining="True">
				<inputKey name="RA" type="double precision" unit="deg" ucd="pos.eq.ra"
					multiplicity="single" tablehead="RA" required="True"
					description="Right ascension (ICRS) of the position.">
					<property name="onlyForRenderer">api</property>
				</inputKey>
				<inputKey name="DEC" type="double precision" unit="deg" ucd="pos.eq.dec"
					multiplicity="single" tablehead="Dec" required="True"
					description="Declination (ICRS) of the position.">
					<property name="onlyForRenderer">api</property>
				</inputKey>
				<inputKey name="SR" type="double precision" unit="deg" ucd="pos.angDistance"
					multiplicity="single" tablehead="Radius"
					description="Radius of a circle around the position that the region is to
						touch, at most 90; without it, the region must contain the position.">
					<property name="onlyForRenderer">api</property>
				</inputKey>
				<phraseMaker id="touches">
					<setup>
						<code>
							import math

							def touching(ra, dec, radius, outPars):
								if not (-360 &lt;= ra &lt;= 360):
									raise base.ValidationError("RA must be from 0 to 360", "RA")
								if not (-90 &lt;= dec &lt;= 90):
									raise base.ValidationError("DEC must be from -90 to 90", "DEC")
								if not (0 &lt;= radius &lt;= 90):
									raise base.ValidationError("SR must be from 0 to 90", "SR")
								point = "spoint(radians(%%(%s)s), radians(%%(%s)s))"%(
									base.getSQLKey("ra", ra, outPars),
									base.getSQLKey("dec", dec, outPars))
								if radius == 0:
									return "region_90 @&gt; smoc(29, %s)"%point
								# Cells of a sixteenth of the radius; the first ones have 58.6 deg.
								order = math.ceil(math.log2(58.6 * 16 / max(radius, 1e-6)))
								return "region_90 &amp;&amp; smoc(%d, scircle(%s, radians(%%(%s)s)))"%(
									min(order, 29), point,
									base.getSQLKey("sr", max(radius, 1e-6), outPars))
						</code>
					</setup>
					<code>
						yield touching(inPars["RA"], inPars["DEC"], inPars["SR"] or 0, outPars)
					</code>
				</phraseMaker>
			</condDesc>
			<condDesc combining="True">
				<inputKey original="//scs#hscs_pos" required="True">
					<property name="onlyForRenderer">form</property>
				</inputKey>
				<inputKey name="hscs_sr" type="double precision" multiplicity="single"
					tablehead="Radius" unit="arcmin"
					description="Radius of a circle around the position that the region is to
						touch; if empty, the region must contain the position.">
					<property name="onlyForRenderer">form</property>
				</inputKey>
				<phraseMaker original="touches">
					<code>
						from gavo.protocols import scs
						if not inPars["hscs_pos"]:
							return
						ra, dec = scs.parseHumanSpoint(inPars["hscs_pos"], "hscs_pos")
						yield touching(ra, dec, (inPars["hscs_sr"] or 0) / 60, outPars)
					</code>
				</phraseMaker>
			</condDesc>
			<FEED source="constraints"/>
		</scsCore>
		<FEED source="page-columns"/>
	</service>

	<service id="dl" allowed="dlmeta">
		<meta name="title">What belongs to an alert notice</meta>
		<meta name="description">Links from a notice to its packet, sky map and picture, to earlier
			and later notices of the alert, to packets it cites and is cited by, and to the
			published detector events.</meta>
		<datalinkCore>
			<descriptorGenerator>
				<setup imports="os">
					<code>
						from gavo import utils
						links, _ = utils.loadPythonModule(
							os.path.join(base.getConfig("inputsDir"), "alerts", "links"))
					</code>
				</setup>
				<code>
					return links.describe(pubDID)
				</code>
			</descriptorGenerator>
			<metaMaker semantics="#this">
				<code>
					for link in descriptor.links():
						yield link
				</code>
			</metaMaker>
		</datalinkCore>
	</service>

	<STREAM id="kept">
		<doc>A service that gives a file of the archive.

		what         is given, and the name of the service: packet, map or preview
		title        of the service
		description  what it gives
		</doc>
		<service id="\what" allowed="custom" customPage="files" defaultRenderer="custom">
			<meta name="title">\title</meta>
			<meta name="description">\description
				Parameters: ivorn, the percent-encoded identifier of the packet, with version if it
				is not the newest one under its identifier; or notice_id, its number in the
				archive; or sha256, its checksum.</meta>
			<property name="kept">\what</property>
			<nullCore/>
		</service>
	</STREAM>
	<FEED source="kept" what="packet" title="Alert packets"
		description="The packet of an alert notice, byte by byte as it was sent."/>
	<FEED source="kept" what="map" title="Sky maps of alerts"
		description="The sky map (HEALPix FITS) of an alert, where the archive has it."/>
	<FEED source="kept" what="preview" title="Pictures of alerts"
		description="A picture (PNG) of an alert's region on the sky."/>

	<!-- In the registry this is the stream itself, as others can listen to it. -->
	<service id="stream" allowed="external">
		<meta name="title">Alerts of KM3NeT as a stream</meta>
		<meta name="shortName">KM3NeT stream</meta>
		<meta name="description">The alerts of the neutrino telescopes KM3NeT/ARCA and KM3NeT/ORCA, as
			they are sent to the world within minutes of the event. What was sent, and what other
			observatories sent, is in the archive: see the tables alerts.latest and
			alerts.notices.</meta>
		<meta name="resType">catalogService</meta>
		<publish render="external" sets="ivo_managed">
			<meta name="accessURL">\metaString{alerts.page}</meta>
			<FEED source="km3net/voevent#endpoint" protocol="acc-kafka"
				url="\\metaString{alerts.stream}"/>
		</publish>
		<nullCore/>
	</service>

	<!-- They hold for any archive, also for an empty one. -->
	<regSuite title="Alerts">
		<regTest title="The newest notices are neither tests nor superseded">
			<url parSet="TAP"
				QUERY="SELECT count(*) AS n FROM alerts.latest WHERE is_test=1 OR is_injection=1 OR is_latest=0"
				>/__system__/tap/run/tap/sync</url>
			<code>
				self.assertEqual(self.getVOTableRows(), [{"n": 0}])
			</code>
		</regTest>
		<regTest title="The cone search answers">
			<url RA="94.3" DEC="-7.8" SR="1" responseformat="votabletd">cone/scs.xml</url>
			<code>
				self.assertHasStrings("ID_MAIN", "POS_EQ_RA_MAIN", "alerts/nu/dl/dlmeta")
			</code>
		</regTest>
		<regTest title="The search for regions answers without a radius">
			<url RA="94.3" DEC="-7.8" responseformat="votabletd">region/api</url>
			<code>
				self.assertHasStrings('name="QUERY_STATUS" value="OK"', "smoc(29")
			</code>
		</regTest>
		<regTest title="The search for regions refuses a radius that is none">
			<url RA="94.3" DEC="-7.8" SR="91">region/api</url>
			<code>
				self.assertHasStrings('value="ERROR"', "SR must be from 0 to 90")
			</code>
		</regTest>
		<regTest title="The form says what the archive is">
			<url>cone/info</url>
			<code>
				self.assertHasStrings("Which table do I want?", "retracted = 0")
			</code>
		</regTest>
		<regTest title="DataLink says of each wrong number what is wrong">
			<url>dl/dlmeta?ID=0&amp;ID=none</url>
			<code>
				self.assertHasStrings("NotFoundFault", "UsageFault")
			</code>
		</regTest>
		<regTest title="A packet that is not there is not found">
			<url ivorn="ivo://nowhere/none#0">packet</url>
			<code>
				self.assertHTTPStatus(404)
				self.assertHasStrings("no such notice")
			</code>
		</regTest>
		<regTest title="ObsCore has the alerts, and no tests">
			<url parSet="TAP"
				QUERY="SELECT count(*) AS n FROM ivoa.obscore WHERE obs_collection LIKE 'alerts/%' AND obs_id LIKE 'test/%'"
				>/__system__/tap/run/tap/sync</url>
			<code>
				self.assertEqual(self.getVOTableRows(), [{"n": 0}])
			</code>
		</regTest>
	</regSuite>
</resource>
