<!-- The registry record of a public alert stream: its VOEvent capability with the endpoints at
which it can be followed. In a descriptor, first the extension, once:

	<FEED source="km3net/voevent#extension"/>

then, in the service that stands for the stream:

	<service id="…" allowed="…,external">
		…
		<meta name="resType">catalogService</meta>
		<publish render="external" sets="ivo_managed">
			<meta name="accessURL">a page that explains how to listen</meta>
			<FEED source="km3net/voevent#endpoint" protocol="acc-kafka" url="kafka://…"/>
			<FEED source="km3net/voevent#endpoint" protocol="acc-vtp" url="vtp://…"/>
		</publish>
	</service>

resType is only needed where the service has no tables. This resource itself publishes nothing. -->
<resource schema="km3net" resdir=".">
	<meta name="title">Shared definitions of alert streams</meta>
	<meta name="description">Streams that the resource descriptors of alerts replay.</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="subject">neutrino-astronomy</meta>

	<STREAM id="extension">
		<doc>Teaches DaCHS the VOEvent capability. It has to come before the service.</doc>
		<LOOP>
			<codeItems>
				import os
				from gavo import utils
				module, _ = utils.loadPythonModule(
					os.path.join(base.getConfig("inputsDir"), "km3net", "voevent"))
				module.install()
				# A loop over nothing: the code is what is wanted.
				yield from ()
			</codeItems>
			<events/>
		</LOOP>
	</STREAM>

	<STREAM id="endpoint">
		<doc>An endpoint of a stream, inside its publication.

		protocol  the way of transport, a key of the VOEvent standard: acc-kafka, acc-vtp,
		          acc-xmpp, acc-rabbitmq, acc-proprietary
		url       where to connect
		</doc>
		<meta name="streamEndpoint">
			<meta name="accessURL">\url</meta>
			<meta name="standardID">ivo://ivoa.net/std/VOEvent#\protocol</meta>
		</meta>
	</STREAM>
</resource>
