<!-- Circulars, and the names by which they are linked to alerts: streams that alerts/nu uses. -->
<resource schema="alerts" resdir=".">
	<meta name="title">Definitions of the tables of circulars</meta>
	<meta name="description">Definitions that the resource descriptor of the alerts includes.</meta>
	<meta name="creationDate">2026-11-27T00:00:00Z</meta>
	<meta name="subject">neutrino-astronomy</meta>

	<STREAM id="tables">
		<doc>The tables whose rows come from packets of the archive.</doc>
		<table id="circulars" onDisk="True" adql="True" primary="notice_id">
			<meta name="title">GCN circulars</meta>
			<meta name="description">Bulletins in which astronomers report observations of events,
				distributed by NASA's General Coordinates Network (GCN): all versions that this
				archive received. They are their authors' texts: cite them by number or bibcode.
				E-mail addresses are left out. Search for words with
				1 = ivo_hasword(body, 'upper limit').</meta>
			<column name="notice_id" type="bigint" ucd="meta.id;meta.main" required="True"
				verbLevel="10" tablehead="Packet"
				description="Number of the packet in the archive, in order of receipt. Packets of
					circulars and notices are numbered together."/>
			<column name="circular_id" type="text" ucd="meta.id" required="True" verbLevel="1"
				tablehead="Circular"
				description="Number of the circular at GCN. A few early circulars have a fraction
					or a sign."/>
			<column name="version" type="integer" ucd="meta.version" required="True" verbLevel="10"
				description="Version of the circular: 1 for the original, 2 and so on for edited
					ones."/>
			<column name="is_latest" type="smallint" ucd="meta.code" required="True" verbLevel="10"
				tablehead="Latest"
				description="1 for the newest version of the circular in this archive, 0
					otherwise."/>
			<column name="created" type="double precision" unit="d" ucd="time.creation"
				verbLevel="1" tablehead="Published" displayHint="sf=6"
				description="Time at which the circular was published (MJD, UTC)."/>
			<column name="edited" type="double precision" unit="d" ucd="time.processing"
				verbLevel="15" displayHint="sf=6"
				description="Time at which this version was edited (MJD, UTC); NULL for the
					original."/>
			<column name="received" type="double precision" unit="d" ucd="time.processing"
				required="True" verbLevel="20" displayHint="sf=6"
				description="Time at which this archive received the packet (MJD, UTC)."/>
			<column name="subject" type="unicode" ucd="meta.title" required="True" verbLevel="1"
				description="Subject of the circular."/>
			<column name="event_name" type="text" ucd="meta.id" verbLevel="1" tablehead="Event"
				description="Name of the event according to GCN, such as IceCube-170922A. To find
					all circulars on an event, join alerts.event_names."/>
			<column name="submitter" type="unicode" ucd="meta.bib.author" required="True"
				verbLevel="10" description="Name and affiliation of the submitter."/>
			<column name="body" type="unicode" ucd="meta.note" required="True" verbLevel="1"
				description="Text of the circular."/>
			<column name="text_format" type="text" ucd="meta.code.mime" required="True"
				verbLevel="20" description="Format of the text: text/plain or text/markdown."/>
			<column name="bibcode" type="text" ucd="meta.bib.bibcode" verbLevel="10"
				description="Bibcode of the circular in ADS."/>
			<column name="sha256" type="text" ucd="meta.checksum" required="True" verbLevel="25"
				description="SHA-256 checksum of the packet."/>
			<column name="packet_size" type="integer" unit="byte" ucd="phys.size;meta.file"
				required="True" verbLevel="25" description="Size of the packet.">
				<values nullLiteral="-2147483648"/>
			</column>
			<column name="origin" type="text" ucd="meta.ref" required="True" verbLevel="25"
				description="From where this archive received the packet."/>
			<index columns="circular_id, version"/>
			<index columns="created"/>
			<index columns="sha256" method="HASH"/>
			<!-- The expressions as ivo_hasword is translated to SQL. -->
			<index name="subject_words" columns="subject" method="GIN"
				>to_tsvector('english', subject)</index>
			<index name="body_words" columns="body" method="GIN"
				>to_tsvector('english', body)</index>
		</table>

		<table id="event_names" onDisk="True" adql="True" primary="notice_id, name_no">
			<meta name="title">Names of events in notices and circulars</meta>
			<meta name="description">The names of the event to which a notice or circular refers, in
				a form in which they can be compared: letters in upper case and digits, without
				spaces and hyphens. IceCube-170922A and IC170922A are both ICECUBE170922A. Also the
				key of an alert, such as icecube/137840_57034692, whose numbers are in a notice or
				circular. Tests and injected signals have no names here.</meta>
			<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True"
				verbLevel="1" tablehead="Packet"
				description="Number of the packet in the archive: a notice in alerts.notices, or a
					circular in alerts.circulars."/>
			<column name="name_no" type="integer" ucd="meta.number" required="True" verbLevel="20"
				description="Number of the name in the packet; 1 is the main name."/>
			<column name="event_name" type="text" ucd="meta.id" required="True" verbLevel="1"
				tablehead="Event"
				description="Name of the event, such as GRB221009A or KM3230213A, or the key of its
					alert, which contains a slash."/>
			<index columns="event_name"/>
		</table>
	</STREAM>

	<STREAM id="views">
		<doc>The views of these tables.</doc>
		<table id="circular_alerts" onDisk="True" adql="True">
			<meta name="title">Circulars and their alerts</meta>
			<meta name="description">Which circulars are about which alerts: those that have a name
				of the event, or the number of the alert, in common, and circulars whose event is
				that of a circular with the number of the alert. Only the newest versions of
				circulars.</meta>
			<column name="notice_id" type="bigint" ucd="meta.id" required="True" verbLevel="10"
				tablehead="Packet"
				description="Number of the packet of the circular, in alerts.circulars."/>
			<column name="circular_id" type="text" ucd="meta.id;meta.main" required="True"
				verbLevel="1" tablehead="Circular" description="Number of the circular at GCN."/>
			<column name="alert_id" type="text" ucd="meta.id.parent" required="True" verbLevel="1"
				tablehead="Alert" description="Identifier of the alert, in alerts.notices."/>
			<viewStatement>
				CREATE VIEW \\qName AS (SELECT \\colNames FROM (
					SELECT c.notice_id, c.circular_id, n.alert_id
					FROM \\schema.circulars AS c
						JOIN \\schema.event_names AS o ON o.notice_id = c.notice_id
						JOIN \\schema.event_names AS t ON t.event_name = o.event_name
						JOIN \\schema.notices AS n ON n.notice_id = t.notice_id
					WHERE c.is_latest = 1
					UNION
					SELECT c.notice_id, c.circular_id, n.alert_id
					FROM \\schema.circulars AS c
						JOIN \\schema.event_names AS o ON o.notice_id = c.notice_id AND o.name_no = 1
						JOIN \\schema.event_names AS s ON s.event_name = o.event_name AND s.name_no = 1
						JOIN \\schema.circulars AS d ON d.notice_id = s.notice_id
						JOIN \\schema.event_names AS k ON k.notice_id = d.notice_id
						JOIN \\schema.event_names AS t ON t.event_name = k.event_name
						JOIN \\schema.notices AS n ON n.notice_id = t.notice_id
					WHERE c.is_latest = 1 AND d.is_latest = 1 AND strpos(k.event_name, '/') > 0
					) AS q)
			</viewStatement>
		</table>
	</STREAM>

	<STREAM id="services">
		<doc>The page with the text of a circular.</doc>
		<service id="circular" allowed="custom" customPage="circulars" defaultRenderer="custom">
			<meta name="title">Texts of GCN circulars</meta>
			<meta name="description">The text of a circular, without e-mail addresses. Parameters: id,
				its number at GCN, with version unless the newest one is wanted; or notice_id, the
				number of the packet in alerts.circulars.</meta>
			<nullCore/>
		</service>
	</STREAM>
</resource>
