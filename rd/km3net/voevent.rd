<!-- The registry record of a public alert stream: its VOEvent capability with the endpoints at
which it can be followed. DaCHS writes it by a patch, see site/dachs/patches/registry.py. The
service that represents the stream declares the endpoints:

	<service id="…" allowed="…,external">
		…
		<meta name="resType">catalogService</meta>
		<publish render="external" sets="ivo_managed">
			<meta name="accessURL">a page that explains how to subscribe</meta>
			<FEED source="km3net/voevent#endpoint" protocol="acc-kafka" url="kafka://…"/>
			<FEED source="km3net/voevent#endpoint" protocol="acc-vtp" url="vtp://…"/>
		</publish>
	</service>

resType is needed only if the service has no tables. This resource itself publishes nothing. -->
<resource schema="km3net" resdir=".">
	<meta name="title">Shared definitions of alert streams</meta>
	<meta name="description">Definitions that the resource descriptors of alert streams include.</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="subject">neutrino-astronomy</meta>

	<STREAM id="endpoint">
		<doc>An endpoint of a stream, inside its publication.

		protocol  the transport protocol, a key of the VOEvent standard: acc-kafka, acc-vtp,
		          acc-xmpp, acc-rabbitmq, acc-proprietary
		url       the address to connect to
		</doc>
		<meta name="streamEndpoint">
			<meta name="accessURL">\url</meta>
			<meta name="standardID">ivo://ivoa.net/std/VOEvent#\protocol</meta>
		</meta>
	</STREAM>
</resource>
