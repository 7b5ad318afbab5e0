<!-- What the listener of live streams saw: silences, gaps, and how long each step took. `nu.rd`
replays the streams. -->
<resource schema="alerts" resdir=".">
	<STREAM id="tables">
		<doc>The tables; the archive has what they contain.</doc>
		<table id="silences" onDisk="True" adql="True" primary="silence_id">
			<meta name="title">Times without heartbeat</meta>
			<meta name="description">Times in which the heartbeat of a Kafka broker was not received,
				or no broker of VOEvents (VTP) was connected. Kafka brokers deliver later what was
				sent then; what VTP brokers sent is lost.</meta>
			<column name="silence_id" type="integer" ucd="meta.id;meta.main" required="True"
				verbLevel="1" tablehead="Silence" description="Number of the silence: 1, 2, 3 …"/>
			<column name="source" type="text" ucd="meta.id" required="True" verbLevel="1"
				tablehead="Source" description="Name of the source in this archive, such as gcn."/>
			<column name="topic" type="text" ucd="meta.id" required="True" verbLevel="10"
				tablehead="Topic" description="Topic of the heartbeat; vtp for VOEvents by VTP."/>
			<column name="silence_start" type="double precision" unit="d" ucd="time.start"
				required="True" verbLevel="1" tablehead="From" displayHint="sf=6"
				description="Time of receipt of the last heartbeat before (MJD, UTC)."/>
			<column name="silence_end" type="double precision" unit="d" ucd="time.end"
				required="True" verbLevel="1" tablehead="To" displayHint="sf=6"
				description="Time of receipt of the first heartbeat after (MJD, UTC)."/>
		</table>
	</STREAM>

	<STREAM id="views">
		<doc>The views of these tables and of those of nu.rd.</doc>
		<table id="gaps" onDisk="True" adql="True">
			<meta name="title">Gaps in live streams and alerts</meta>
			<meta name="description">What was not received: offsets between two messages of a
				partition, record numbers of an alert between 1 and its last one, and times without
				heartbeat. A gap that is filled later is no longer listed. A broker
				that removes messages leaves gaps in the offsets, too.</meta>
			<column name="gap_type" type="text" ucd="meta.code.class" required="True" verbLevel="1"
				tablehead="Type" description="offset, record_number or heartbeat."/>
			<column name="source" type="text" ucd="meta.id" verbLevel="1" tablehead="Source"
				description="Name of the source in this archive; NULL for record numbers, which
					may come from several sources."/>
			<column name="topic" type="text" ucd="meta.id" verbLevel="1" tablehead="Topic"
				description="Topic of the stream, or of the heartbeat; NULL for record numbers."/>
			<column name="topic_partition" type="integer" ucd="meta.number" verbLevel="15"
				tablehead="Partition" description="Partition of the topic.">
				<values nullLiteral="-2147483648"/>
			</column>
			<column name="alert_id" type="text" ucd="meta.id.parent" verbLevel="1"
				tablehead="Alert" description="The alert whose record numbers are incomplete."/>
			<column name="first_missing" type="bigint" ucd="meta.number;stat.min" verbLevel="1"
				tablehead="First missing"
				description="First offset or record number that is missing.">
				<values nullLiteral="-9223372036854775808"/>
			</column>
			<column name="last_missing" type="bigint" ucd="meta.number;stat.max" verbLevel="1"
				tablehead="Last missing"
				description="Last offset or record number of this gap that is missing.">
				<values nullLiteral="-9223372036854775808"/>
			</column>
			<column name="gap_start" type="double precision" unit="d" ucd="time.start" verbLevel="1"
				tablehead="After" displayHint="sf=6"
				description="Time of receipt of what is before the gap (MJD, UTC); NULL if nothing
					is."/>
			<column name="gap_end" type="double precision" unit="d" ucd="time.end" required="True"
				verbLevel="1" tablehead="Before" displayHint="sf=6"
				description="Time of receipt of what is after the gap (MJD, UTC)."/>
			<viewStatement>
				CREATE VIEW \\qName AS (SELECT \\colNames FROM (
					SELECT 'offset'::text AS gap_type, source, topic, topic_partition,
						NULL::text AS alert_id, before + 1 AS first_missing,
						topic_offset - 1 AS last_missing, gap_start, received AS gap_end
					FROM (
						SELECT source, topic, topic_partition, topic_offset, received,
							lag(topic_offset) OVER place AS before,
							lag(received) OVER place AS gap_start
						FROM \\schema.receptions WHERE topic_offset IS NOT NULL
						WINDOW place AS (PARTITION BY source, topic, topic_partition
							ORDER BY topic_offset, received)) AS offsets
					WHERE topic_offset > before + 1
					UNION ALL
					SELECT 'record_number', NULL, NULL, NULL, alert_id, before + 1,
						record_number - 1, gap_start, received
					FROM (
						SELECT alert_id, record_number::bigint, received,
							coalesce(lag(record_number) OVER place, 0)::bigint AS before,
							lag(received) OVER place AS gap_start
						FROM \\schema.notices WHERE record_number IS NOT NULL
						WINDOW place AS (PARTITION BY alert_id
							ORDER BY record_number, received)) AS records
					WHERE record_number > before + 1
					UNION ALL
					SELECT 'heartbeat', source, topic, NULL, NULL, NULL, NULL, silence_start,
						silence_end
					FROM \\schema.silences) AS found)
			</viewStatement>
		</table>

		<table id="latency" onDisk="True" adql="True">
			<meta name="title">Latency of live alerts</meta>
			<meta name="description">For each message of a live stream that has rows: when the event
				happened, and when each step of the notice on its way was completed.</meta>
			<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True"
				verbLevel="1" tablehead="Notice" description="Number of the notice in
					alerts.notices."/>
			<column name="stream" type="text" ucd="meta.id" required="True" verbLevel="1"
				tablehead="Stream" description="Alert stream, as in alerts.notices."/>
			<column name="source" type="text" ucd="meta.id" required="True" verbLevel="10"
				tablehead="Source" description="Name of the source in this archive, such as gcn."/>
			<column name="topic" type="text" ucd="meta.id" required="True" verbLevel="1"
				tablehead="Topic" description="Topic of the live stream."/>
			<column name="event_mjd" type="double precision" unit="d" ucd="time.epoch"
				verbLevel="1" tablehead="Event" displayHint="sf=6"
				description="Time of the event (MJD, UTC)."/>
			<column name="notice_mjd" type="double precision" unit="d" ucd="time.creation"
				verbLevel="1" tablehead="Notice time" displayHint="sf=6"
				description="Time at which the notice was written (MJD, UTC)."/>
			<column name="produced" type="double precision" unit="d" ucd="time.creation"
				verbLevel="1" tablehead="Produced" displayHint="sf=6"
				description="Time at which the producer sent the packet, according to the broker
					(MJD, UTC)."/>
			<column name="received" type="double precision" unit="d" ucd="time.processing"
				required="True" verbLevel="1" tablehead="Received" displayHint="sf=6"
				description="Time at which this archive received the packet from this stream (MJD,
					UTC)."/>
			<column name="stored" type="double precision" unit="d" ucd="time.processing"
				verbLevel="1" tablehead="Stored" displayHint="sf=6"
				description="Time at which the rows of the packet were in the tables (MJD, UTC);
					NULL if the tables were made again from the archive since then."/>
			<column name="matched" type="double precision" unit="d" ucd="time.processing"
				verbLevel="1" tablehead="Matched" displayHint="sf=6"
				description="Time at which the first match with what was known then was computed
					(MJD, UTC); NULL if there is none in alerts.matches."/>
			<column name="sent" type="double precision" unit="d" ucd="time.processing"
				verbLevel="1" tablehead="Sent" displayHint="sf=6"
				description="Time at which the first recipient confirmed the notice afterwards
					(MJD, UTC); NULL if it was not sent from here, see alerts.outbox."/>
			<viewStatement>
				CREATE VIEW \\qName AS (SELECT n.notice_id, n.stream, r.source, r.topic, n.event_mjd,
					n.notice_mjd, r.produced, r.received, r.stored,
					(SELECT min(m.computed) FROM \\schema.matches AS m
						WHERE n.notice_id IN (m.notice_id, m.partner_notice)
						AND m.since &lt;= r.stored AND m.computed >= r.received) AS matched,
					(SELECT min(o.sent) FROM \\schema.outbox AS o
						WHERE o.notice_id = n.notice_id AND o.sent >= r.received) AS sent
					FROM \\schema.receptions AS r JOIN \\schema.notices AS n USING (notice_id))
			</viewStatement>
		</table>

		<table id="latency_percentiles" onDisk="True" adql="True">
			<meta name="title">Percentiles of the latency of live alerts</meta>
			<meta name="description">How long each step took for the notices of each stream, over
				all times; see alerts.latency for single ones.</meta>
			<column name="stream" type="text" ucd="meta.id" required="True" verbLevel="1"
				tablehead="Stream" description="Alert stream, as in alerts.notices."/>
			<column name="step_no" type="integer" ucd="meta.number" required="True" verbLevel="1"
				tablehead="No." description="Number of the step, in order of time."/>
			<column name="step" type="text" ucd="meta.code.class" required="True" verbLevel="1"
				tablehead="Step" description="The step: from where to where."/>
			<column name="n_notices" type="bigint" ucd="meta.number" required="True" verbLevel="1"
				tablehead="Notices" description="Number of notices with both times."/>
			<column name="p50" type="double precision" unit="s" ucd="time.duration;stat.median"
				verbLevel="1" tablehead="Median" displayHint="sf=3" description="Median time."/>
			<column name="p90" type="double precision" unit="s" ucd="time.duration;stat"
				verbLevel="1" displayHint="sf=3" description="90th percentile."/>
			<column name="p99" type="double precision" unit="s" ucd="time.duration;stat"
				verbLevel="1" displayHint="sf=3" description="99th percentile."/>
			<column name="p100" type="double precision" unit="s" ucd="time.duration;stat.max"
				verbLevel="1" tablehead="Longest" displayHint="sf=3" description="Longest time."/>
			<viewStatement>
				CREATE VIEW \\qName AS (SELECT stream, step_no, step, count(*) AS n_notices,
					86400 * percentile_cont(0.5) WITHIN GROUP (ORDER BY days) AS p50,
					86400 * percentile_cont(0.9) WITHIN GROUP (ORDER BY days) AS p90,
					86400 * percentile_cont(0.99) WITHIN GROUP (ORDER BY days) AS p99,
					86400 * max(days) AS p100
					FROM (SELECT r.*, n.stream, n.event_mjd, n.notice_mjd,
						(SELECT min(m.computed) FROM \\schema.matches AS m
							WHERE n.notice_id IN (m.notice_id, m.partner_notice)
							AND m.since &lt;= r.stored AND m.computed >= r.received) AS matched,
						(SELECT min(o.sent) FROM \\schema.outbox AS o
							WHERE o.notice_id = n.notice_id AND o.sent >= r.received) AS sent
						FROM \\schema.receptions AS r
						JOIN \\schema.notices AS n USING (notice_id)) AS times,
					LATERAL (VALUES
						(1, 'event to notice'::text, notice_mjd - event_mjd),
						(2, 'notice to broker', produced - notice_mjd),
						(3, 'broker to receipt', received - produced),
						(4, 'receipt to tables', stored - received),
						(5, 'tables to matches', matched - stored),
						(6, 'tables to recipient', sent - stored),
						(9, 'event to tables', stored - event_mjd)) AS steps (step_no, step, days)
					WHERE days IS NOT NULL GROUP BY stream, step_no, step)
			</viewStatement>
		</table>
	</STREAM>
</resource>
