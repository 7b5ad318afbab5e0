<!-- The tables of matches between alerts and other alerts, published events and catalogues; they
are tables of alerts/nu. ingest/alerts/matching fills them. -->
<resource schema="alerts" resdir=".">
	<meta name="title">Definitions of the matches of alerts</meta>
	<meta name="description">Tables that the resource descriptor of the alert archive
		includes.</meta>
	<meta name="creationDate">2026-11-27T00:00:00Z</meta>
	<meta name="subject">neutrino-astronomy</meta>

	<STREAM id="tables">
		<doc>The tables of matches.</doc>
		<table id="matches" onDisk="True" adql="True" primary="match_id">
			<meta name="title">Matches of alerts</meta>
			<meta name="description">What was observed near an alert in time and direction, and how
				likely that is by chance: other alerts, detector events published here, and
				catalogued sources. Each notice of an alert has matches of its own. Require
				is_latest = 1 and retracted = 0 to select those that are valid now.</meta>
			<foreignKey inTable="notices" source="notice_id" metaOnly="True"/>
			<column name="match_id" type="text" ucd="meta.id;meta.main" required="True"
				verbLevel="1" tablehead="Match"
				description="Identifier of the match: the number of the notice, the kind and the
					partner."/>
			<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True"
				verbLevel="1" tablehead="Notice"
				description="Number of the notice in alerts.notices; in a match of two alerts, that
					of the neutrino alert."/>
			<column name="alert_id" type="text" ucd="meta.id.parent" required="True" verbLevel="1"
				tablehead="Alert" description="Alert to which the notice belongs."/>
			<column name="kind" type="text" ucd="meta.code.class" required="True" verbLevel="1"
				description="Kind of the partner: alert, another alert; sample, a published sample
					of events; source, an entry of a catalogue."/>
			<column name="partner" type="text" ucd="meta.id.cross" required="True" verbLevel="1"
				tablehead="Partner"
				description="The partner: the identifier (IVORN) of the other notice, the name of
					the sample, or the name of the source."/>
			<column name="partner_notice" type="bigint" ucd="meta.id.cross" verbLevel="10"
				description="For other alerts, number of the other notice in alerts.notices.">
				<values nullLiteral="-9223372036854775808"/>
			</column>
			<column name="partner_alert" type="text" ucd="meta.id.cross" verbLevel="10"
				description="For other alerts, the alert to which the other notice belongs."/>
			<column name="partner_group" type="text" ucd="meta.id.parent" verbLevel="10"
				description="What the partner belongs to: the stream of the other alert, the table
					of the sample, or the catalogue."/>
			<column name="is_latest" type="smallint" ucd="meta.code" required="True" verbLevel="1"
				tablehead="Latest"
				description="1 if the notice, and in a match of two alerts also the other notice, is
					the newest one of its alert, 0 otherwise."/>
			<column name="retracted" type="smallint" ucd="meta.code" required="True" verbLevel="1"
				tablehead="Retracted"
				description="1 if either alert has been retracted, 0 otherwise."/>
			<column name="retraction" type="text" ucd="meta.note" verbLevel="15"
				description="Which alert has been retracted; NULL if neither has."/>
			<column name="window_begin" type="double precision" unit="s" ucd="time.interval"
				verbLevel="15"
				description="Start of the time window, relative to the time of the notice's
					event."/>
			<column name="window_end" type="double precision" unit="s" ucd="time.interval"
				verbLevel="15"
				description="End of the time window, relative to the time of the notice's event."/>
			<column name="time_difference" type="double precision" unit="s" ucd="time.interval"
				verbLevel="1" tablehead="Δt"
				description="Time of the partner minus time of the notice's event."/>
			<column name="separation" type="double precision" unit="deg" ucd="pos.angDistance"
				verbLevel="1" displayHint="sf=2"
				description="Angular distance between the best-fit positions."/>
			<column name="n_observed" type="integer" ucd="meta.number" verbLevel="10"
				tablehead="Observed"
				description="For samples, number of events in the region and time window.">
				<values nullLiteral="-2147483648"/>
			</column>
			<column name="n_expected" type="double precision" ucd="meta.number;stat.mean"
				verbLevel="10" tablehead="Expected"
				description="For samples, number of events expected there from background; for alerts,
					number of partners expected in the time window by chance, in any direction."/>
			<column name="n_expected_err" type="double precision"
				ucd="stat.stdev" verbLevel="20"
				description="For samples, standard error of n_expected, as the sample is finite."/>
			<column name="p_value" type="double precision" ucd="stat.probability" verbLevel="1"
				description="Probability that chance alone gives a match at least as close; for
					samples, at least n_observed events."/>
			<column name="p_association" type="double precision" ucd="stat.probability"
				verbLevel="10"
				description="For sources, probability that the alert originates from the source."/>
			<column name="overlap" type="double precision" ucd="stat.likelihood" verbLevel="1"
				description="For alerts, agreement of the two directions: 4π times the integral of
					the product of their probability densities, 1 on average for unrelated alerts;
					see the documentation for backgrounds that depend on declination."/>
			<column name="far_temporal" type="double precision" unit="Hz" ucd="arith.rate"
				verbLevel="1" tablehead="FAR (time)"
				description="For alerts, rate at which unrelated pairs at least as significant occur
					within the time window by chance, whatever their directions."/>
			<column name="far_spatiotemporal" type="double precision" unit="Hz" ucd="arith.rate"
				verbLevel="1" tablehead="FAR"
				description="The same taking the directions into account: far_temporal divided by
					overlap; NULL if either direction is unknown, or if the two exclude one
					another."/>
			<column name="since" type="double precision" unit="d" ucd="time.start" required="True"
				verbLevel="20" displayHint="sf=6"
				description="Time from which this archive had both sides of the match (MJD,
					UTC)."/>
			<column name="method" type="text" ucd="meta.note" verbLevel="15"
				description="What the numbers were computed from: maps or error circles, rates,
					background."/>
			<column name="change" type="text" ucd="meta.note" verbLevel="10"
				description="What differs from the match of the notices before, such as a new sky
					map; NULL for the first one."/>
			<column name="computed" type="double precision" unit="d" ucd="time.processing"
				required="True" verbLevel="20" displayHint="sf=6"
				description="Time at which the match was computed (MJD, UTC)."/>
			<index columns="notice_id"/>
			<index columns="partner_notice"/>
			<index columns="alert_id, kind"/>
			<index columns="partner_alert"/>
			<index columns="far_spatiotemporal"/>
		</table>

		<table id="match_events" onDisk="True" adql="True" primary="match_id, event_no">
			<meta name="title">Published events in matches</meta>
			<meta name="description">The events of published samples that match an alert. Join with
				alerts.matches on match_id, and with km3net.events on event_id and release.</meta>
			<foreignKey inTable="matches" source="match_id" metaOnly="True"/>
			<column name="match_id" type="text" ucd="meta.id.parent" required="True" verbLevel="1"
				tablehead="Match" description="Identifier of the match in alerts.matches."/>
			<column name="event_no" type="integer" ucd="meta.number" required="True"
				verbLevel="20" description="Number of the event in the match, starting from 1."/>
			<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True"
				verbLevel="1" tablehead="Notice"
				description="Number of the notice in alerts.notices."/>
			<column name="release" type="text" ucd="meta.id.parent" required="True" verbLevel="1"
				description="Name of the sample, as in km3net.events."/>
			<column name="event_id" type="text" ucd="meta.id;meta.main" required="True"
				verbLevel="1" tablehead="Event"
				description="Identifier of the event, as in km3net.events."/>
			<column name="time_difference" type="double precision" unit="s" ucd="time.interval"
				verbLevel="1" tablehead="Δt"
				description="Time of the event minus time of the alert."/>
			<column name="separation" type="double precision" unit="deg" ucd="pos.angDistance"
				verbLevel="1" displayHint="sf=2"
				description="Angular distance from the best-fit position of the alert."/>
			<column name="containment" type="double precision" ucd="stat.probability"
				verbLevel="10"
				description="Smallest credible level of the alert's sky map that includes the
					direction of the event: 0 at the most probable direction, 0.9 at the edge of the
					90 % region; NULL without a sky map."/>
			<index columns="notice_id"/>
			<index columns="event_id"/>
		</table>

		<table id="match_queue" onDisk="True" adql="False">
			<meta name="title">Notices to be matched</meta>
			<meta name="description">Notices that are new, or whose state has changed, since
				matches were computed.</meta>
			<column name="notice_id" type="bigint" ucd="meta.id.parent" required="True"
				description="Number of the notice."/>
		</table>
	</STREAM>
</resource>
