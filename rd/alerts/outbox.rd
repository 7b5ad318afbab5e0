<!-- The table of alerts that were sent from here; nu.rd feeds it. -->
<resource schema="alerts" resdir=".">
	<STREAM id="tables">
		<table id="outbox" onDisk="True" adql="True" primary="notice_id, sink">
			<meta name="title">Outbox of alerts</meta>
			<meta name="description">What is sent from here: KM3NeT's own alerts, and alerts of others
				that are relayed to subscribers; one row per notice and recipient. A notice is sent
				at least once to each recipient, and the notices of an alert in their order.</meta>
			<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True" verbLevel="1"
				tablehead="Notice" description="Number of the packet in alerts.notices."/>
			<column name="sink" type="text" ucd="meta.id" required="True" verbLevel="1"
				description="Name of the recipient, such as a broker or a mailing list."/>
			<column name="sink_kind" type="text" ucd="meta.code.class" required="True" verbLevel="1"
				tablehead="Kind" description="Kind of the recipient: kafka, vtp, email or webhook."/>
			<column name="topic" type="text" ucd="meta.id" verbLevel="1"
				description="Topic of the Kafka broker; NULL for other recipients."/>
			<column name="state" type="text" ucd="meta.code.status" required="True" verbLevel="1"
				description="sent; queued: it is not sent yet, and will be; or dropped: it will not be
					sent, because the packet is withheld."/>
			<column name="topic_partition" type="integer" ucd="meta.number" verbLevel="10"
				tablehead="Partition"
				description="Partition of the topic in which the broker stored the message.">
				<values nullLiteral="-2147483648"/>
			</column>
			<column name="topic_offset" type="bigint" ucd="meta.number" verbLevel="1"
				tablehead="Offset" description="Offset at which the broker stored the message.">
				<values nullLiteral="-9223372036854775808"/>
			</column>
			<column name="queued" type="double precision" unit="d" ucd="time.creation"
				required="True" verbLevel="10" displayHint="sf=8"
				description="When the notice was accepted for this recipient (MJD, UTC)."/>
			<column name="sent" type="double precision" unit="d" ucd="time.processing"
				verbLevel="1" displayHint="sf=8"
				description="When the recipient confirmed it (MJD, UTC); NULL if it has not yet."/>
			<column name="attempts" type="integer" ucd="meta.number" required="True" verbLevel="20"
				description="Number of times it was sent, including the ones without success."/>
			<index columns="sink, state"/>
		</table>
	</STREAM>
</resource>
