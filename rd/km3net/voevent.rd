<!-- The registry record of a public alert stream: its VOEvent capability with the endpoints at
which it can be followed. A descriptor first loads the extension, once:

	<FEED source="km3net/voevent#extension"/>

and then, in the service that represents the stream, declares the endpoints:

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

	<STREAM id="extension">
		<doc>Adds the VOEvent capability to DaCHS. It has to precede the service.</doc>
		<LOOP>
			<codeItems>
				import os
				from gavo import utils
				dachs_patches, _ = utils.loadPythonModule(
					os.path.join(base.getConfig("inputsDir"), "km3net", "dachs_patches"))
				dachs_patches.register_alert_streams()
				# An empty loop, because only the side effect of the code is needed.
				yield from ()
			</codeItems>
			<events/>
		</LOOP>
	</STREAM>

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
