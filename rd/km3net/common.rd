<!-- What the releases share. Used as <FEED source="km3net/common#name"/>; this resource itself
publishes nothing. -->
<resource schema="km3net" resdir=".">
	<meta name="title">Shared definitions of the KM3NeT and ANTARES releases</meta>
	<meta name="description">Streams that the resource descriptors of the releases replay.</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="subject">neutrino-astronomy</meta>

	<STREAM id="metadata">
		<doc>The metadata that are the same for each release of event data.</doc>
		<meta name="subject">neutrino-astronomy</meta>
		<meta name="subject">neutrino-telescopes</meta>
		<meta name="subject">high-energy-astrophysics</meta>
		<meta name="subject">particle-astrophysics</meta>
		<meta name="contentLevel">Research</meta>
		<meta name="type">Catalog</meta>
		<meta name="coverage.waveband">Neutrino</meta>
		<!-- Plain text: it is copied into each answer. -->
		<meta name="rights">The data may be used under the Creative Commons Attribution 4.0
			licence (CC BY 4.0): say where they come from and cite the paper.</meta>
		<meta name="rights.rightsURI">https://spdx.org/licenses/CC-BY-4.0.html</meta>
	</STREAM>

	<STREAM id="event-columns">
		<doc>The columns every sample of KM3NeT events has, in this order.</doc>
		<stc>Time UTC "mjd" Position ICRS "ra" "dec"</stc>
		<column name="event_id" tablehead="Event" type="text" ucd="meta.id;meta.main" required="True" verbLevel="1"
			description="Name of the event: km3, then the numbers of detector, run, frame and
				trigger, as in KM3NeT's GCN notices.">
			<property name="fits">event_name</property>
		</column>
		<column name="mjd" tablehead="MJD" type="double precision" unit="d" ucd="time.epoch" required="True"
			verbLevel="1" displayHint="sf=8"
			description="Time of the event as Modified Julian Date, in UTC."/>
		<column name="ra" tablehead="RA" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
			required="True" verbLevel="1" displayHint="sf=4"
			description="Right ascension (ICRS) of the direction the particle came from."/>
		<column name="dec" tablehead="Dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
			required="True" verbLevel="1" displayHint="sf=4"
			description="Declination (ICRS) of the direction the particle came from."/>
		<column name="ang_err" tablehead="Angular error" type="real" unit="deg" ucd="stat.error;pos" verbLevel="1"
			displayHint="sf=2"
			description="Angular error of the direction, as the reconstruction estimates it."/>
		<column name="ang_err_cl" tablehead="Containment" type="real" ucd="stat.confidenceLevel;pos"
			verbLevel="15"
			description="Probability that the true direction is within ang_err; empty where the
				reconstruction does not say."/>
		<column name="energy" type="real" unit="GeV" ucd="phys.energy"
			verbLevel="1" displayHint="sf=3"
			description="Reconstructed energy, empty where there is none."/>
		<column name="n_hits" tablehead="Hits" type="integer" ucd="meta.number;instr.det" verbLevel="10"
			description="Number of light signals in the photomultipliers that the reconstruction
				used.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="likelihood" tablehead="Likelihood" type="real" ucd="stat.likelihood" verbLevel="15"
			description="Quality of the reconstruction: its likelihood, the larger the better."/>
		<column name="topology" type="text" ucd="meta.code.class" verbLevel="10"
			description="Form of the event: track, starting track or shower."/>
		<column name="zenith" type="real" unit="deg" ucd="pos.az.zd" verbLevel="15"
			displayHint="sf=2"
			description="Zenith angle at the detector of where the particle came from; above 90
				deg it came up through the Earth."/>
		<column name="azimuth" type="real" unit="deg" ucd="pos.az.azi" verbLevel="15"
			displayHint="sf=2"
			description="Azimuth at the detector of where the particle came from, from true north
				over east."/>
		<column name="det_id" tablehead="Detector no." type="integer" ucd="meta.id;instr.det" verbLevel="20"
			description="Number of the detector's configuration.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="run_id" tablehead="Run" type="integer" ucd="meta.id;obs" verbLevel="20"
			description="Number of the data taking run.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="frame_index" tablehead="Frame" type="integer" ucd="meta.id" verbLevel="25"
			description="Number of the time slice in the run.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="trigger_counter" tablehead="Trigger" type="bigint" ucd="meta.id" verbLevel="25"
			description="Number of the trigger in the time slice.">
			<values nullLiteral="-9223372036854775808"/>
		</column>
		<column name="event_no" tablehead="Number" type="bigint" ucd="meta.id" required="True" verbLevel="25"
			description="Number of the event in the release's FITS files (their EVENT_ID).">
			<property name="fits">event_id</property>
		</column>
		<column name="quality" type="bigint" ucd="meta.code.qual" verbLevel="25"
			description="Quality flags, empty where there are none.">
			<values nullLiteral="-9223372036854775808"/>
		</column>
	</STREAM>

	<STREAM id="origin-columns">
		<doc>Closes a table of events: where a row belongs to, and its error circle.

		release   the release's name
		detector  the detector's configuration as in papers and notices, such as ORCA6
		</doc>
		<column name="release" type="text" ucd="meta.dataset" verbLevel="20"
			description="Data release the event belongs to.">
			<property name="computed">'\release'</property>
		</column>
		<column name="detector" type="text" ucd="meta.id;instr" verbLevel="20"
			description="Detector that saw the event, in the configuration it had.">
			<property name="computed">'\detector'</property>
		</column>
		<column name="origin_est" type="scircle" unit="deg" ucd="pos.outline"
			verbLevel="30"
			description="Circle with the radius ang_err around the direction, for INTERSECTS and
				CONTAINS; empty where the error is not known or larger than 90 degrees.">
			<property name="computed">CASE WHEN ang_err &lt;= 90 THEN
				scircle(spoint(radians(ra), radians(dec)), radians(ang_err::double precision))
				END</property>
		</column>
	</STREAM>

	<STREAM id="event-indices">
		<doc>The order in which events are stored, and the indices of their table. The mixin
		//scs#q3cindex would write the table once more to have this order.</doc>
		<property name="sorted_by">q3c_ang2ipix(ra, dec)</property>
		<index name="q3c_position" kind="q3c">
			<columns>ra, dec</columns>
			q3c_ang2ipix(ra, dec)
		</index>
		<index columns="mjd"/>
		<index columns="energy"/>
		<!-- The index on origin_est is built after the import, when the table is online. -->
	</STREAM>

	<STREAM id="import">
		<doc>Fills the table main from the release's products, and serves what is beside them.</doc>
		<data id="import_main">
			<sources pattern="data/*.fits"/>
			<customGrammar module="../km3net/bulkload"/>
			<make table="main"/>
		</data>
		<service id="files" allowed="static">
			<meta name="title">Files of this release</meta>
			<meta name="description">Provenance documents and pictures of the data products.</meta>
			<property name="staticData">data</property>
			<nullCore/>
		</service>
	</STREAM>

	<STREAM id="structured-data">
		<doc>What search engines read in the web page of a service: the release described in
		JSON-LD. The file is written after each import from the registry record.</doc>
		<meta name="_structured_data">True</meta>
		<customRF name="structured_data"><![CDATA[
			import os
			path = os.path.join(service.rd.resdir, "data", "structured-data.json")
			if not os.path.exists(path):
				return ""
			with open(path, encoding="utf-8") as stream:
				return T.script(type="application/ld+json")[T.xml(stream.read())]
		]]></customRF>
	</STREAM>

	<STREAM id="cone">
		<doc>A cone search over the table main.

		title, shortName    of the service; a short name has at most 16 characters
		testRA, testDec     the position of an event
		</doc>
		<service id="cone" allowed="form,scs.xml">
			<meta name="title">\title</meta>
			<meta name="shortName">\shortName</meta>
			<meta name="testQuery">
				<meta name="ra">\testRA</meta>
				<meta name="dec">\testDec</meta>
				<meta name="sr">1</meta>
			</meta>
			<publish render="scs.xml" sets="ivo_managed"/>
			<publish render="form" sets="local,ivo_managed"/>
			<scsCore queriedTable="main">
				<FEED source="//scs#coreDescs"/>
				<condDesc buildFrom="mjd"/>
				<condDesc buildFrom="energy"/>
			</scsCore>
			<outputTable verbLevel="15"/>
			<FEED source="km3net/common#structured-data"/>
		</service>
	</STREAM>
</resource>
