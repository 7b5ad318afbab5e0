<!-- The alert archive. `km3vo alerts` fills the tables from the archived packets, in transactions
of its own; this descriptor is the only definition of their content. -->
<resource schema="alerts" resdir=".">
	<meta name="title">Archive of neutrino telescope alerts</meta>
	<meta name="description">Alert packets from KM3NeT, ANTARES, IceCube and other observatories,
		as they were issued: all revisions and retractions of each notice, its sky region, the
		detector events on which it is based, and every parameter of the packet. Also what else was
		observed near each alert, how likely that is by chance, and GCN's circulars.</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="creator">KM3NeT Collaboration</meta>
	<meta name="facility">KM3NeT</meta>
	<meta name="referenceURL">https://www.km3net.org</meta>
	<FEED source="km3net/common#metadata"/>

	<meta name="_longdoc" format="rst"><![CDATA[
		What the archive is
		===================

		Observatories announce transient events in small packets: VOEvents in XML, and notices in
		JSON distributed by NASA's General Coordinates Network (GCN). The networks retain them only
		for days. This archive preserves every packet it receives from KM3NeT, ANTARES, IceCube and
		other observatories permanently and unaltered, including all revisions and retractions.

		Which table should I use?
		=========================

		alerts.latest has one row per alert: its newest notice. Tests and injected signals are
		excluded. Start here.

		alerts.notices has all packets, including all revisions, tests and retractions. Notices of
		the same alert have the same alert_id, regardless of their format; revision gives their
		order.

		alerts.events has the detector events on which an alert is based, alerts.counterparts the
		sources named in a packet, alerts.citations the references between packets, and
		alerts.params every value in a packet, as given there. Join them on notice_id.

		alerts.receptions tells from which live streams a packet was received, and when,
		alerts.gaps what of these streams was not received, and alerts.latency_percentiles how long
		each step took from the event to this archive.

		alerts.outbox tells which notices were sent from here, to whom, and when.

		What should I be aware of?
		==========================

		A retracted alert remains in the tables, with retracted = 1. Require retracted = 0 to
		select the alerts that their collaborations have not withdrawn.

		pos_err is the radius that contains the source with the probability pos_err_cl.
		Observatories report radii of 50 %, 68 % or 90 % containment, so always check pos_err_cl
		before comparing them. pos_err_90 and region_90 always refer to 90 %. Some packets do not
		state the containment of their radius; region_origin says how the regions of an alert were
		obtained.

		region_90 is a Multi-Order Coverage map (MOC). Use
		1 = CONTAINS(POINT(ra, dec), region_90) for a source and
		1 = INTERSECTS(CIRCLE(ra, dec, radius), region_90) for a field. Because a sky map need not
		be circular, this is more reliable than the distance from the position.

		far is in Hz, whatever unit the packet uses: once per year is 3.2e-8 Hz. energy is in GeV;
		energy_kind says which energy it is, and this differs between streams.

		NULL means that the packet does not give the value.

		What was known at a time T?
		===========================

		Select the rows of alerts.notices that were received until T and superseded after T or not
		at all. They are the newest notices of all alerts at that time; those with the notice_type
		retraction had been retracted. The examples of the TAP service have the query.

		Can I verify when a packet was received?
		========================================

		The packets of each day are sealed by a hash, and the hashes are chained: see alerts.seals,
		and /alerts/nu/seal?seal_id=... for the checksums and times that a seal covers. The data
		centre gives you the proof for a packet on request; the program at /alerts/nu/verifier
		verifies it.

		Is anything left out?
		=====================

		SELECT * FROM alerts.gaps lists what was not received: offsets of the live streams, record
		numbers of alerts, and times without the heartbeat of a broker.

		A packet that was sent by mistake, or contains personal data, may be withheld. Such packets
		are listed in alerts.withheld, each with the reason.

		What else was there?
		====================

		alerts.matches lists, for each alert, the other alerts near it in time and direction, the
		detector events published here, and catalogued sources, each with its probability by
		chance. Require is_latest = 1 and retracted = 0 to select the matches that are valid now.
		far_spatiotemporal is in Hz, like far; none of the numbers is corrected for the number of
		streams in which one looks. alerts.match_events has the detector events.

		What did others observe?
		========================

		alerts.circulars has GCN's circulars in all versions, and alerts.circular_alerts says which
		of them are about which alerts. The DataLink of a notice lists them, and
		/alerts/nu/circular?id=... shows one. Search for words in any form by
		1 = ivo_hasword(body, 'upper limit'), and for an event by alerts.event_names, where names
		are in upper case without spaces and hyphens, such as GRB221009A. E-mail addresses are
		left out.

		How do I get the packets?
		=========================

		The DataLink of each row leads to the packet itself, its sky map, earlier and later notices
		of the alert, the packets it cites, and the published detector events. The packet alone is
		available at /alerts/nu/packet?ivorn=... where the dots stand for its percent-encoded
		identifier, or at /alerts/nu/packet?notice_id=...
		]]></meta>

	<STREAM id="notice-columns">
		<doc>The columns that describe a notice, both in the table of all notices and in the view
		of the newest ones.</doc>
		<stc>Time UTC "event_mjd" Position ICRS "ra" "dec"</stc>
		<column name="notice_id" type="bigint" ucd="meta.id;meta.main" required="True" verbLevel="1"
			tablehead="Notice"
			description="Number of the packet in the archive, in order of receipt."/>
		<column name="ivorn" type="text" ucd="meta.ref.ivoid" required="True" verbLevel="1"
			tablehead="IVORN"
			description="Identifier of the packet (IVORN). JSON notices do not have one; for them
				the archive derives it from the stream, event and date."/>
		<column name="version" type="integer" ucd="meta.version" required="True" verbLevel="20"
			description="1 for the first packet received with its identifier, 2 and so on for
				different packets with the same identifier."/>
		<column name="stream" type="text" ucd="meta.id" required="True" verbLevel="1"
			description="Alert stream to which the notice belongs, such as km3net or icecube/gold."/>
		<column name="event_name" type="text" ucd="meta.id" verbLevel="1" tablehead="Event"
			description="Name of the astronomical event, such as KM3-230213A."/>
		<column name="alert_id" type="text" ucd="meta.id.parent" required="True" verbLevel="10"
			tablehead="Alert"
			description="Identifier shared by all notices of the same alert, regardless of their
				format. It starts with claimed/ if the notice claims to be KM3NeT's but was received
				from a topic of another mission."/>
		<column name="record_number" type="integer" ucd="meta.number" verbLevel="20"
			tablehead="Record" description="Record number of the notice, as given in the packet.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="revision" type="integer" ucd="meta.version" verbLevel="1"
			description="Revision number, which orders the notices of an alert. There may be gaps,
				and revisions need not be received in order.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="role" type="text" ucd="meta.code" required="True" verbLevel="10"
			description="Role of the packet: observation, prediction, utility or test."/>
		<column name="notice_type" type="text" ucd="meta.code.class" required="True" verbLevel="1"
			tablehead="Type" description="initial, update or retraction."/>
		<column name="alert_type" type="text" ucd="meta.code" verbLevel="20"
			description="Type of the alert, as given in the packet."/>
		<column name="is_test" type="smallint" ucd="meta.code" required="True" verbLevel="10"
			tablehead="Test" description="1 if the packet is marked as a test in any way, 0 otherwise."/>
		<column name="is_injection" type="smallint" ucd="meta.code" required="True" verbLevel="20"
			tablehead="Injection" description="1 if the signal was injected into the data, 0 otherwise."/>
		<column name="is_latest" type="smallint" ucd="meta.code" required="True" verbLevel="15"
			tablehead="Latest"
			description="1 for the newest notice of its alert, by revision and not by order of
				receipt, 0 otherwise."/>
		<column name="retracted" type="smallint" ucd="meta.code" required="True" verbLevel="1"
			tablehead="Retracted"
			description="1 if the alert has been retracted, that is, if its newest notice is a
				retraction, 0 otherwise."/>
		<column name="event_mjd" type="double precision" unit="d" ucd="time.epoch" verbLevel="1"
			tablehead="Event time" displayHint="sf=6"
			description="Time of the event (MJD, UTC)."/>
		<column name="notice_mjd" type="double precision" unit="d" ucd="time.creation" verbLevel="1"
			tablehead="Notice time" displayHint="sf=6"
			description="Time at which the notice was written (MJD, UTC)."/>
		<column name="received" type="double precision" unit="d" ucd="time.processing"
			required="True" verbLevel="20" displayHint="sf=6"
			description="Time at which this archive received the packet (MJD, UTC)."/>
		<column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
			tablehead="RA" verbLevel="1" displayHint="sf=4"
			description="Right ascension (ICRS) of the best-fit position."/>
		<column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
			tablehead="Dec" verbLevel="1" displayHint="sf=4"
			description="Declination (ICRS) of the best-fit position."/>
		<column name="pos_err" type="double precision" unit="deg" ucd="stat.error;pos" verbLevel="1"
			tablehead="Error" displayHint="sf=3"
			description="Radius of the error circle; see pos_err_cl for its containment."/>
		<column name="pos_err_cl" type="double precision" ucd="stat.probability;pos" verbLevel="1"
			tablehead="Containment"
			description="Containment: the probability that the source lies within pos_err; NULL if
				not stated by the collaboration."/>
		<column name="pos_err_50" type="double precision" unit="deg" ucd="stat.error;pos"
			verbLevel="15" displayHint="sf=3"
			description="Radius of the circle that contains the source with a probability of
				50 %; NULL if not given in the packet."/>
		<column name="pos_err_90" type="double precision" unit="deg" ucd="stat.error;pos"
			verbLevel="15" displayHint="sf=3"
			description="Radius of the circle that contains the source with a probability of
				90 %; NULL if not given in the packet."/>
		<column name="pos_err_stat" type="smallint" ucd="meta.code" verbLevel="20"
			description="1 if pos_err includes the statistical error, 0 if not; NULL if unknown.">
			<values nullLiteral="-32768"/>
		</column>
		<column name="pos_err_sys" type="smallint" ucd="meta.code" verbLevel="20"
			description="1 if pos_err includes the systematic error, 0 if not; NULL if unknown.">
			<values nullLiteral="-32768"/>
		</column>
		<column name="far" type="double precision" unit="Hz" ucd="arith.rate" verbLevel="1"
			tablehead="FAR"
			description="False-alarm rate: the rate at which background alone produces such alerts."/>
		<column name="far_original" type="double precision" ucd="arith.rate" verbLevel="25"
			description="False-alarm rate as given in the packet, in the unit far_unit."/>
		<column name="far_unit" type="text" ucd="meta.unit" verbLevel="25"
			description="Unit of far_original, as given in the packet."/>
		<column name="far_doubtful" type="smallint" ucd="meta.code.qual" verbLevel="20"
			description="1 if far_unit is implausible and the value was interpreted in Hz, 0 if not;
				NULL if there is no rate.">
			<values nullLiteral="-32768"/>
		</column>
		<column name="energy" type="double precision" unit="GeV" ucd="phys.energy" verbLevel="1"
			displayHint="sf=3" description="Energy; see energy_kind for what it represents."/>
		<column name="energy_kind" type="text" ucd="meta.note" verbLevel="15"
			description="What the value in energy represents, in words."/>
		<column name="signalness" type="double precision" ucd="stat.probability" verbLevel="1"
			description="Probability that the event is of astrophysical origin."/>
		<column name="p_value" type="double precision" ucd="stat.probability" verbLevel="10"
			description="Probability that background alone produces a signal at least as
				significant."/>
		<column name="topology" type="text" ucd="meta.code.class" verbLevel="1"
			description="Event topology: track, shower, multiplet …"/>
		<column name="pipeline" type="text" ucd="meta.id" verbLevel="10"
			description="Analysis pipeline that found the event."/>
		<column name="instrument" type="text" ucd="meta.id;instr" verbLevel="10"
			description="Detector, in its configuration at the time of the event."/>
		<column name="n_events" type="integer" ucd="meta.number" verbLevel="10"
			tablehead="Events"
			description="Number of detector events on which the alert is based.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="region_50" type="smoc" ucd="pos.outline" verbLevel="25"
			description="Region of the sky (MOC) that contains the source with a probability of
				50 %."/>
		<column name="region_90" type="smoc" ucd="pos.outline" verbLevel="25"
			description="Region of the sky (MOC) that contains the source with a probability of
				90 %."/>
		<column name="region_origin" type="text" ucd="meta.note" verbLevel="20"
			description="Origin of the regions: map, circle, or circle of unknown containment,
				which is then assumed to be 50 %."/>
		<!-- DaCHS 2.7 writes corrupt binary VOTables for polygons without this xtype. -->
		<column name="outline" type="spoly" xtype="adql:REGION" ucd="pos.outline" verbLevel="30"
			description="Polygon enclosing the circle of 90 % containment, for clients without
				support for MOCs."/>
		<column name="sky_map_url" type="text" ucd="meta.ref.url" verbLevel="15"
			description="URL of the sky map provided by the collaboration; the first one, if there
				are several."/>
		<column name="sky_map" type="text" ucd="meta.id" verbLevel="25"
			description="SHA-256 checksum of the sky map; NULL if it is not in this archive."/>
		<column name="media_format" type="text" ucd="meta.code.mime" required="True" verbLevel="20"
			description="Format of the packet: voevent-2.0, gcn-json …"/>
		<column name="sha256" type="text" ucd="meta.checksum" required="True" verbLevel="20"
			description="SHA-256 checksum of the packet."/>
		<column name="packet_size" type="integer" unit="byte" ucd="phys.size;meta.file" required="True"
			verbLevel="25" description="Size of the packet."/>
		<column name="origin" type="text" ucd="meta.note" required="True" verbLevel="25"
			description="Source from which this archive obtained the packet."/>
		<column name="remarks" type="text" ucd="meta.note" verbLevel="15"
			description="Problems found when the packet was read, such as implausible units or
				invalid positions."/>
	</STREAM>

	<table id="notices" onDisk="True" adql="True" primary="notice_id">
		<meta name="title">All alert notices</meta>
		<meta name="description">All alert packets in all versions, including tests and retractions.
			For the newest notice of each alert see alerts.latest.</meta>
		<!-- Not notice_id: pyvo does not follow links identified by a numeric column. -->
		<meta name="_associatedDatalinkService">
			<meta name="serviceId">dl</meta>
			<meta name="idColumn">sha256</meta>
		</meta>
		<FEED source="notice-columns"/>
		<column name="superseded" type="double precision" unit="d" ucd="time.end" verbLevel="20"
			displayHint="sf=6"
			description="Time from which this archive had a newer notice of the same alert (MJD,
				UTC); NULL for the newest one. Before received if the notice arrived later than a
				newer one."/>
		<index columns="ivorn, version"/>
		<!-- A hash index, because names may be longer than other indices allow. -->
		<index columns="event_name" method="HASH"/>
		<index columns="alert_id, is_latest"/>
		<index columns="alert_id, revision"/>
		<!-- DataLink finds notices by this column. -->
		<index columns="sha256" method="HASH"/>
		<!-- For queries of ivoa.obscore: the expressions exactly as the view computes them. -->
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
		<!-- For the pages below /alerts, which show alerts newest first: all, those of a stream, those
		retracted, and those with a low rate. The expression is that of pages/alerts/listing.py. -->
		<index name="newest" columns="event_mjd, notice_id"
			>is_test, (least(coalesce(event_mjd, notice_mjd), received)), notice_id
			<option>WHERE is_latest = 1 AND role != 'utility'</option></index>
		<index name="newest_of_stream" columns="event_mjd, notice_id"
			>stream, is_test, (least(coalesce(event_mjd, notice_mjd), received)), notice_id
			<option>WHERE is_latest = 1 AND role != 'utility'</option></index>
		<index name="newest_retracted" columns="event_mjd, notice_id"
			>is_test, (least(coalesce(event_mjd, notice_mjd), received)), notice_id
			<option>WHERE is_latest = 1 AND role != 'utility' AND retracted = 1</option></index>
		<index name="rarest" columns="event_mjd, notice_id">is_test, far
			<option>WHERE is_latest = 1 AND role != 'utility' AND far IS NOT NULL</option></index>
		<!-- For s_region of ivoa.obscore; only the rows of alerts.latest, because each takes longer
		than in all other indexes together. -->
		<index columns="outline" method="GIST">
			<option>WHERE is_latest = 1 AND is_test = 0 AND is_injection = 0 AND role != 'utility'</option>
		</index>
	</table>

	<table id="events" onDisk="True" adql="True" primary="notice_id, event_no">
		<meta name="title">Detector events of alerts</meta>
		<meta name="description">The individual detector events on which the alerts are based. For
			KM3NeT alerts, event_id is the same as in km3net.events.</meta>
		<foreignKey inTable="notices" source="notice_id" metaOnly="True"/>
		<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True" verbLevel="1"
			tablehead="Notice" description="Number of the notice in alerts.notices."/>
		<column name="event_no" type="integer" ucd="meta.number" required="True" verbLevel="20"
			description="Number of the event in the notice, starting from 1."/>
		<column name="event_id" type="text" ucd="meta.id;meta.main" required="True" verbLevel="1"
			tablehead="Event" description="Event identifier; for KM3NeT, km3 followed by the numbers
				of the detector, run, frame and trigger, separated by dots."/>
		<column name="event_mjd" type="double precision" unit="d" ucd="time.epoch" verbLevel="1"
			displayHint="sf=6" description="Time of the event (MJD, UTC)."/>
		<column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main" verbLevel="1"
			displayHint="sf=4" description="Right ascension (ICRS) of the arrival direction."/>
		<column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
			verbLevel="1" displayHint="sf=4"
			description="Declination (ICRS) of the arrival direction."/>
		<column name="pos_err" type="double precision" unit="deg" ucd="stat.error;pos" verbLevel="1"
			description="Radius of the error circle."/>
		<column name="pos_err_cl" type="double precision" ucd="stat.probability;pos" verbLevel="10"
			description="Probability that the true direction lies within pos_err."/>
		<!-- Not pos.az.zd, which is an angle. The UCD says no more than that it is a direction
		cosine in the alt-azimuthal frame, because packets differ in the sense of the direction:
		KM3NeT gives that of travel, not that of the origin. -->
		<column name="cos_zenith" type="double precision" ucd="pos.dirCos;pos.az" verbLevel="15"
			description="Cosine of the zenith angle, as given in the packet; for KM3NeT, +1 is a
				vertically up-going event, which crossed the Earth."/>
		<column name="topology" type="text" ucd="meta.code.class" verbLevel="10"
			description="Event topology: track or shower."/>
		<column name="energy" type="double precision" unit="GeV" ucd="phys.energy" verbLevel="1"
			displayHint="sf=3" description="Reconstructed energy."/>
		<index columns="event_id"/>
	</table>

	<table id="counterparts" onDisk="True" adql="True" primary="notice_id, counterpart_no">
		<meta name="title">Possible counterparts of alerts</meta>
		<meta name="description">Sources and other events that a notice names as possibly associated
			with the alert.</meta>
		<foreignKey inTable="notices" source="notice_id" metaOnly="True"/>
		<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True" verbLevel="1"
			tablehead="Notice" description="Number of the notice in alerts.notices."/>
		<column name="counterpart_no" type="integer" ucd="meta.number" required="True"
			verbLevel="20" description="Number of the counterpart in the notice, starting from 1."/>
		<column name="counterpart_name" type="text" ucd="meta.id;src" verbLevel="1"
			tablehead="Name" description="Name of the counterpart."/>
		<column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main" verbLevel="1"
			displayHint="sf=4" description="Right ascension (ICRS)."/>
		<column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
			verbLevel="1" displayHint="sf=4" description="Declination (ICRS)."/>
		<column name="pos_err" type="double precision" unit="deg" ucd="stat.error;pos" verbLevel="1"
			description="Radius of the error circle."/>
		<column name="counterpart_mjd" type="double precision" unit="d" ucd="time.epoch"
			verbLevel="1" displayHint="sf=6" description="Time of the counterpart (MJD, UTC)."/>
		<column name="angular_distance" type="double precision" unit="deg" ucd="pos.angDistance"
			verbLevel="10" description="Angular distance from the position of the alert."/>
		<column name="reference" type="text" ucd="meta.ref" verbLevel="10"
			description="Catalogue or notice that lists the counterpart."/>
		<column name="description" type="text" ucd="meta.note" verbLevel="15"
			description="Further information on the counterpart given in the packet."/>
	</table>

	<table id="params" onDisk="True" adql="True" primary="notice_id, param_no">
		<meta name="title">Parameters of alert packets</meta>
		<meta name="description">All values in a packet, as given there, identified by their path in the
			packet.</meta>
		<foreignKey inTable="notices" source="notice_id" metaOnly="True"/>
		<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True" verbLevel="1"
			tablehead="Notice" description="Number of the notice in alerts.notices."/>
		<column name="param_no" type="integer" ucd="meta.number" required="True" verbLevel="20"
			description="Number of the parameter in the packet, starting from 1."/>
		<column name="part" type="text" ucd="meta.code" required="True" verbLevel="10"
			description="Part of the packet: What, Who, WhereWhen, How, Why, Citations or VOEvent;
				json for JSON notices."/>
		<column name="param_path" type="text" ucd="meta.id" required="True" verbLevel="1"
			tablehead="Parameter"
			description="Name of the parameter, preceded by the names of its groups."/>
		<column name="param_value" type="text" ucd="meta.record" verbLevel="1" tablehead="Value"
			description="Value as given in the packet."/>
		<column name="param_unit" type="text" ucd="meta.unit" verbLevel="1" tablehead="Unit"
			description="Unit as given in the packet."/>
		<column name="param_ucd" type="text" ucd="meta.ucd" verbLevel="20"
			description="UCD as given in the packet."/>
		<column name="data_type" type="text" ucd="meta.code" verbLevel="25"
			description="Data type as given in the packet."/>
		<column name="description" type="text" ucd="meta.note" verbLevel="20"
			description="Description of the parameter given in the packet."/>
	</table>

	<table id="citations" onDisk="True" adql="True" primary="notice_id, citation_no">
		<meta name="title">Citations between alert packets</meta>
		<meta name="description">Packets to which a notice refers; they need not be in this
			archive.</meta>
		<foreignKey inTable="notices" source="notice_id" metaOnly="True"/>
		<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True" verbLevel="1"
			tablehead="Notice" description="Number of the notice in alerts.notices."/>
		<column name="citation_no" type="integer" ucd="meta.number" required="True" verbLevel="20"
			description="Number of the citation in the notice, starting from 1."/>
		<column name="cited_ivorn" type="text" ucd="meta.ref.ivoid" required="True" verbLevel="1"
			tablehead="Cited" description="Identifier (IVORN) of the cited packet."/>
		<column name="cite" type="text" ucd="meta.code" required="True" verbLevel="1"
			description="Kind of citation: followup, supersedes, retraction, or another one given in
				the packet."/>
		<index columns="cited_ivorn"/>
	</table>

	<table id="receptions" onDisk="True" adql="True">
		<meta name="title">Receptions of alert packets</meta>
		<meta name="description">From which live streams packets were received, and when. A packet
			may be received from several streams; packets that were imported from files have no
			reception. Also contains packets that could not be read, which are in no other
			table. Offsets that are missing in a partition of a topic were not
			received.</meta>
		<foreignKey inTable="notices" source="notice_id" metaOnly="True"/>
		<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True" verbLevel="1"
			tablehead="Notice" description="Number of the packet in the archive: of the notice in
				alerts.notices, or of the circular in alerts.circulars."/>
		<column name="source" type="text" ucd="meta.id" required="True" verbLevel="10"
			description="Name of the source in this archive, such as gcn."/>
		<column name="broker" type="text" ucd="meta.ref.url" required="True" verbLevel="15"
			description="Broker that delivered the packet."/>
		<column name="topic" type="text" ucd="meta.id" required="True" verbLevel="1"
			tablehead="Topic"
			description="Topic of the stream, such as gcn.notices.km3net.alert."/>
		<column name="topic_partition" type="integer" ucd="meta.number" verbLevel="15"
			tablehead="Partition" description="Partition of the topic.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="topic_offset" type="bigint" ucd="meta.number" verbLevel="15"
			tablehead="Offset" description="Offset of the packet in the partition of the topic.">
			<values nullLiteral="-9223372036854775808"/>
		</column>
		<column name="produced" type="double precision" unit="d" ucd="time.creation" verbLevel="1"
			tablehead="Produced" displayHint="sf=6"
			description="Time at which the producer sent the packet, according to the broker (MJD,
				UTC)."/>
		<column name="received" type="double precision" unit="d" ucd="time.processing"
			required="True" verbLevel="1" tablehead="Received" displayHint="sf=6"
			description="Time at which this archive received the packet from this stream (MJD,
				UTC)."/>
		<column name="stored" type="double precision" unit="d" ucd="time.processing"
			verbLevel="15" tablehead="Stored" displayHint="sf=6"
			description="Time at which the rows of the packet were in the tables (MJD, UTC); NULL
				if the tables were made again from the archive since then."/>
		<column name="schema_verdict" type="text" ucd="meta.note" required="True" verbLevel="20"
			description="Result of the validation against the schema that the packet names: valid,
				invalid with the first finding, or none if there is no such schema."/>
		<index columns="notice_id"/>
		<index columns="topic, topic_partition, topic_offset"/>
		<index columns="received"/>
	</table>

	<FEED source="alerts/live#tables"/>

	<table id="latest" onDisk="True" adql="True">
		<meta name="title">The newest notice of each alert</meta>
		<meta name="description">The newest notice of each alert, by revision and not by order of
			receipt; retracted alerts have retracted = 1. Tests, injected signals and packets that
			serve only the operation of a network are excluded: they are in alerts.notices.</meta>
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
			access_url="current_setting('km3vo.server_url', true) || '/alerts/nu/dl/dlmeta?ID=' || CAST(notice_id AS text)"
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

	<table id="seals" onDisk="True" adql="True" primary="seal_id">
		<meta name="title">Seals of the alert archive</meta>
		<meta name="description">A seal for each day (UTC) on which alert packets were received: the
			root of the Merkle tree of their checksums and times of receipt (RFC 6962), and the
			hash of the seal before. With a copy of one seal_hash anyone can verify later that the
			archive has not changed what it had received until then.</meta>
		<column name="seal_id" type="integer" ucd="meta.id;meta.main" required="True" verbLevel="1"
			tablehead="Seal" description="Number of the seal: 1, 2, 3 … without gaps."/>
		<column name="seal_day" type="text" ucd="time.epoch" required="True" verbLevel="1"
			tablehead="Day" description="The day (UTC) whose packets are sealed."/>
		<column name="first_packet" type="bigint" ucd="meta.id" required="True" verbLevel="10"
			tablehead="First packet"
			description="Number (notice_id) of the first packet that the seal covers."/>
		<column name="n_packets" type="integer" ucd="meta.number" required="True" verbLevel="1"
			tablehead="Packets" description="Number of packets that the seal covers, from
				first_packet on without gaps."/>
		<column name="root" type="text" ucd="meta.checksum" required="True" verbLevel="10"
			description="Root of the Merkle tree of the packets."/>
		<column name="previous" type="text" ucd="meta.checksum" required="True" verbLevel="10"
			description="seal_hash of the seal before; zeros for the first."/>
		<column name="sealed" type="double precision" unit="d" ucd="time.processing"
			required="True" verbLevel="1" displayHint="sf=6"
			description="Time at which the seal was made (MJD, UTC), a whole second."/>
		<column name="seal_hash" type="text" ucd="meta.checksum" required="True" verbLevel="1"
			tablehead="Hash" description="SHA-256 of the text of the seal, of which
				/alerts/nu/seal?seal_id=... is a copy."/>
	</table>

	<table id="withheld" onDisk="True" adql="True" primary="notice_id">
		<meta name="title">Withheld alert packets</meta>
		<meta name="description">Packets that the archive has but does not show, each with the reason.
			They are in no other table; the seals still cover them.</meta>
		<column name="notice_id" type="bigint" ucd="meta.id;meta.main" required="True" verbLevel="1"
			tablehead="Notice" description="Number of the packet in the archive."/>
		<column name="ivorn" type="text" ucd="meta.ref.ivoid" verbLevel="1" tablehead="IVORN"
			description="Identifier of the packet (IVORN); NULL if it has none."/>
		<column name="sha256" type="text" ucd="meta.checksum" required="True" verbLevel="20"
			description="SHA-256 checksum of the packet."/>
		<column name="withheld_mjd" type="double precision" unit="d" ucd="time.processing"
			required="True" verbLevel="1" tablehead="Withheld since" displayHint="sf=6"
			description="Time since which the packet is withheld (MJD, UTC)."/>
		<column name="reason" type="text" ucd="meta.note" required="True" verbLevel="1"
			description="Why the packet is withheld."/>
		<index columns="ivorn"/>
		<index columns="sha256"/>
	</table>

	<FEED source="alerts/live#views"/>

	<table id="aliases" onDisk="True" adql="False" primary="alias">
		<meta name="title">Aliases of alerts</meta>
		<meta name="description">Names used in packets for an alert that is listed under another name,
			because a citation showed that the two are the same.</meta>
		<column name="alias" type="text" ucd="meta.id" required="True"
			description="Name of the alert according to the packet alone."/>
		<column name="alert_id" type="text" ucd="meta.id.parent" required="True"
			description="Name of the alert in alerts.notices."/>
		<index columns="alert_id"/>
	</table>

	<FEED source="alerts/matches#tables"/>
	<FEED source="alerts/circulars#tables"/>
	<FEED source="alerts/circulars#views"/>
	<FEED source="alerts/outbox#tables"/>

	<!-- Their rows come from the archive; existing rows stay. -->
	<data id="make_tables" updating="True">
		<make table="notices"/>
		<make table="events"/>
		<make table="counterparts"/>
		<make table="params"/>
		<make table="citations"/>
		<make table="receptions"/>
		<make table="silences"/>
		<make table="aliases"/>
		<make table="circulars"/>
		<make table="event_names"/>
		<make table="seals"/>
		<make table="withheld"/>
		<make table="matches"/>
		<make table="match_events"/>
		<make table="match_queue"/>
		<make table="outbox"/>
	</data>
	<!-- A separate element that is made each time: the view has no rows of its own, and within
	one element DaCHS would create it before the table on which it depends. -->
	<data id="make_views">
		<make table="latest"/>
		<make table="circular_alerts"/>
		<make table="gaps"/>
		<make table="latency"/>
		<make table="latency_percentiles"/>
	</data>

	<coverage>
		<!-- The time range grows with the archive; make publish updates it. -->
		<updater timeTable="notices"/>
		<spatial>0/0-11</spatial>
		<temporal/>
		<!-- The range of the detectors behind the alerts: neutrinos of 1 GeV to 100 EeV. -->
		<spectral>1.602176634e-10 1.602176634e1</spectral>
	</coverage>

	<STREAM id="constraints">
		<doc>Additional constraints of the searches by position.</doc>
		<condDesc buildFrom="stream"/>
		<condDesc buildFrom="event_mjd"/>
		<condDesc buildFrom="far"/>
		<condDesc buildFrom="signalness"/>
		<condDesc buildFrom="energy"/>
		<condDesc buildFrom="topology"/>
		<condDesc buildFrom="retracted"/>
	</STREAM>

	<STREAM id="page-columns">
		<doc>The columns that web pages show; VOTables have all of them.</doc>
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
		<meta name="description">Cone search for astronomical alerts by position: neutrino alerts of
			KM3NeT, ANTARES and IceCube, and alerts of other observatories. Each alert is
			represented by its newest notice. For alerts with large regions use the search by
			region.</meta>
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

	<!-- No scs.xml: a cone search returns positions within the cone, and clients drop others. -->
	<service id="region" allowed="form,api">
		<meta name="title">Alerts whose region contains a position</meta>
		<meta name="shortName">KM3NeT alertmaps</meta>
		<meta name="description">Finds the alerts that may have originated from a position: those whose
			90 % region contains the position (RA, DEC) or, if a radius SR is given, intersects a
			circle around it. The best-fit positions of these alerts may be far outside the circle.
			Each alert is represented by its newest notice; alerts without a region are not
			found. The parameters are those of a cone search, in degrees (ICRS); without SR, or
			with SR=0, the region must contain the position.</meta>
		<meta name="testQuery">
			<meta name="ra">96.2</meta>
			<meta name="dec">-7.8</meta>
		</meta>
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
					description="Radius of a circle around the position that the region must
						intersect, at most 90; if missing, the region must contain the
						position.">
					<property name="onlyForRenderer">api</property>
				</inputKey>
				<phraseMaker id="intersects">
					<setup>
						<code>
							import math

							def intersects(ra, dec, radius, outPars):
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
								# Cells of a sixteenth of the radius; those of order 0 measure 58.6 deg.
								order = math.ceil(math.log2(58.6 * 16 / max(radius, 1e-6)))
								return "region_90 &amp;&amp; smoc(%d, scircle(%s, radians(%%(%s)s)))"%(
									min(order, 29), point,
									base.getSQLKey("sr", max(radius, 1e-6), outPars))
						</code>
					</setup>
					<code>
						for name in ("RA", "DEC"):
							if inPars.get(name) is None:
								raise base.ValidationError(
									"%s is missing; give it in degrees (ICRS)"%name, name)
						yield intersects(
							inPars["RA"], inPars["DEC"], inPars.get("SR") or 0, outPars)
					</code>
				</phraseMaker>
			</condDesc>
			<condDesc combining="True">
				<inputKey original="//scs#hscs_pos" required="True">
					<property name="onlyForRenderer">form</property>
				</inputKey>
				<inputKey name="hscs_sr" type="double precision" multiplicity="single"
					tablehead="Radius" unit="arcmin"
					description="Radius of a circle around the position that the region must
						intersect; if empty, the region must contain the position.">
					<property name="onlyForRenderer">form</property>
				</inputKey>
				<phraseMaker original="intersects">
					<code>
						from gavo.protocols import scs
						if not inPars["hscs_pos"]:
							return
						ra, dec = scs.parseHumanSpoint(inPars["hscs_pos"], "hscs_pos")
						yield intersects(ra, dec, (inPars["hscs_sr"] or 0) / 60, outPars)
					</code>
				</phraseMaker>
			</condDesc>
			<FEED source="constraints"/>
		</scsCore>
		<FEED source="page-columns"/>
	</service>

	<service id="dl" allowed="dlmeta">
		<meta name="title">Links of an alert notice</meta>
		<meta name="description">Links from a notice to its packet, sky map and sky plot, to earlier
			and later notices of the alert, to packets that it cites or that cite it, to circulars
			on the alert, to its matches, and to the published detector events.</meta>
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

	<STREAM id="archive-files">
		<doc>A service that delivers files of the archive.

		kind         of the file, and the name of the service: packet, map or preview
		title        of the service
		description  of the files
		</doc>
		<service id="\kind" allowed="custom" customPage="files" defaultRenderer="custom">
			<meta name="title">\title</meta>
			<meta name="description">\description
				Parameters: ivorn, the percent-encoded identifier of the packet, with version unless
				the newest packet with this identifier is wanted; or notice_id, its number in the
				archive; or sha256, its checksum.</meta>
			<property name="kind">\kind</property>
			<nullCore/>
		</service>
	</STREAM>
	<FEED source="archive-files" kind="packet" title="Alert packets"
		description="The packet of an alert notice, exactly as it was issued."/>
	<FEED source="archive-files" kind="map" title="Sky maps of alerts"
		description="The sky map (HEALPix FITS) of an alert, if it is in the archive."/>
	<FEED source="archive-files" kind="preview" title="Sky plots of alerts"
		description="A plot (PNG) of an alert's region on the sky."/>

	<service id="seal" allowed="custom" customPage="proofs" defaultRenderer="custom">
		<meta name="title">Seals of the alert archive</meta>
		<meta name="description">The seal of a day as a text file: its seven lines, an empty line, and
			a line with checksum and time of receipt for each packet. Parameters: seal_id, its number
			in alerts.seals; or seal_day, the day, such as 2026-11-27.</meta>
		<property name="file">seal</property>
		<nullCore/>
	</service>
	<service id="verifier" allowed="custom" customPage="proofs" defaultRenderer="custom">
		<meta name="title">Verifier of alert packets</meta>
		<meta name="description">A Python program that verifies a proof that the archive received an
			alert packet when it says. It needs only the standard library.</meta>
		<property name="file">verifier</property>
		<nullCore/>
	</service>

	<FEED source="alerts/circulars#services"/>

	<!-- In the registry, this is the stream itself, to which others can subscribe. -->
	<service id="stream" allowed="external">
		<meta name="title">KM3NeT alert stream</meta>
		<meta name="shortName">KM3NeT stream</meta>
		<meta name="description">Alerts of the neutrino telescopes KM3NeT/ARCA and KM3NeT/ORCA, issued
			publicly within minutes of the event. Past alerts, also those of other observatories,
			are in the archive: see the tables alerts.latest and alerts.notices.</meta>
		<meta name="resType">catalogService</meta>
		<publish render="external" sets="ivo_managed">
			<meta name="accessURL">\metaString{alerts.page}</meta>
			<FEED source="km3net/voevent#endpoint" protocol="acc-kafka"
				url="\\metaString{alerts.stream}"/>
		</publish>
		<nullCore/>
	</service>

	<!-- These hold for any archive, including an empty one. -->
	<regSuite title="Alerts">
		<regTest title="The newest notices are neither tests nor superseded">
			<url parSet="TAP"
				QUERY="SELECT count(*) AS n FROM alerts.latest WHERE is_test=1 OR is_injection=1 OR is_latest=0"
				>/__system__/tap/run/tap/sync</url>
			<code>
				self.assertEqual(self.getVOTableRows(), [{"n": 0}])
			</code>
		</regTest>
		<regTest title="The cone search responds">
			<url RA="94.3" DEC="-7.8" SR="1" responseformat="votabletd">cone/scs.xml</url>
			<code>
				self.assertHasStrings("ID_MAIN", "POS_EQ_RA_MAIN", "alerts/nu/dl/dlmeta")
			</code>
		</regTest>
		<regTest title="The search by region responds without a radius">
			<url RA="94.3" DEC="-7.8" responseformat="votabletd">region/api</url>
			<code>
				self.assertHasStrings('name="QUERY_STATUS" value="OK"', "smoc(29")
			</code>
		</regTest>
		<regTest title="The search by region rejects an invalid radius">
			<url RA="94.3" DEC="-7.8" SR="91">region/api</url>
			<code>
				self.assertHasStrings('value="ERROR"', "SR must be from 0 to 90")
			</code>
		</regTest>
		<regTest title="The form describes the archive">
			<url>cone/info</url>
			<code>
				self.assertHasStrings("Which table should I use?", "retracted = 0")
			</code>
		</regTest>
		<regTest title="DataLink reports what is wrong with each invalid identifier">
			<url>dl/dlmeta?ID=0&amp;ID=none</url>
			<code>
				self.assertHasStrings("NotFoundFault", "UsageFault")
			</code>
		</regTest>
		<regTest title="A packet that does not exist is not found">
			<url ivorn="ivo://nowhere/none#0">packet</url>
			<code>
				self.assertHTTPStatus(404)
				self.assertHasStrings("no such notice")
			</code>
		</regTest>
		<regTest title="ObsCore lists alerts but no tests">
			<url parSet="TAP"
				QUERY="SELECT count(*) AS n FROM ivoa.obscore WHERE obs_collection LIKE 'alerts/%' AND obs_id LIKE 'test/%'"
				>/__system__/tap/run/tap/sync</url>
			<code>
				self.assertEqual(self.getVOTableRows(), [{"n": 0}])
			</code>
		</regTest>
	</regSuite>
</resource>
