<!-- Definitions that all releases share, used as <FEED source="km3net/common#name"/>. This
resource itself publishes nothing. -->
<resource schema="km3net" resdir=".">
	<meta name="title">Shared definitions of the KM3NeT and ANTARES releases</meta>
	<meta name="description">Definitions that the resource descriptors of the releases include.</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="subject">neutrino-astronomy</meta>

	<STREAM id="subjects">
		<doc>Metadata common to all releases, except for their licence.</doc>
		<meta name="subject">neutrino-astronomy</meta>
		<meta name="subject">neutrino-telescopes</meta>
		<meta name="subject">high-energy-astrophysics</meta>
		<meta name="subject">particle-astrophysics</meta>
		<meta name="contentLevel">Research</meta>
		<meta name="type">Catalog</meta>
		<meta name="coverage.waveband">Neutrino</meta>
	</STREAM>

	<STREAM id="metadata">
		<doc>Metadata common to all releases of events.</doc>
		<FEED source="km3net/common#subjects"/>
		<!-- Plain text, because DaCHS copies it into every response. -->
		<meta name="rights">The data are available under the Creative Commons Attribution 4.0
			International licence (CC BY 4.0). Please acknowledge the source of the data and cite
			the accompanying publication.</meta>
		<meta name="rights.rightsURI">https://spdx.org/licenses/CC-BY-4.0.html</meta>
	</STREAM>

	<STREAM id="event-columns">
		<doc>The columns of every sample of KM3NeT events, in this order.</doc>
		<stc>Time UTC "mjd" Position ICRS "ra" "dec"</stc>
		<column name="event_id" tablehead="Event" type="text" ucd="meta.id;meta.main" required="True" verbLevel="1"
			description="Event identifier, as used in KM3NeT's GCN notices: usually km3 followed by
				the numbers of the detector, run, frame and trigger, separated by dots.">
			<property name="fits">event_name</property>
		</column>
		<column name="mjd" tablehead="MJD" type="double precision" unit="d" ucd="time.epoch" required="True"
			verbLevel="1" displayHint="sf=8"
			description="Time of the event (MJD, UTC)."/>
		<column name="ra" tablehead="RA" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
			required="True" verbLevel="1" displayHint="sf=4"
			description="Right ascension (ICRS) of the reconstructed arrival direction."/>
		<column name="dec" tablehead="Dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
			required="True" verbLevel="1" displayHint="sf=4"
			description="Declination (ICRS) of the reconstructed arrival direction."/>
		<column name="ang_err" tablehead="Angular error" type="real" unit="deg" ucd="stat.error;pos" verbLevel="1"
			displayHint="sf=2"
			description="Angular error of the arrival direction, as estimated by the reconstruction."/>
		<column name="ang_err_cl" tablehead="Containment" type="real" ucd="stat.confidenceLevel;pos"
			verbLevel="15"
			description="Probability that the true direction lies within ang_err of the
				reconstructed one; NULL if the reconstruction does not provide it."/>
		<column name="energy" type="real" unit="GeV" ucd="phys.energy"
			verbLevel="1" displayHint="sf=3"
			description="Reconstructed energy; NULL if it was not reconstructed."/>
		<column name="n_hits" tablehead="Hits" type="integer" ucd="meta.number;instr.det" verbLevel="10"
			description="Number of hits (light signals in the photomultipliers) used in the
				reconstruction.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="likelihood" tablehead="Likelihood" type="real" ucd="stat.likelihood" verbLevel="15"
			description="Likelihood of the reconstruction, a measure of its quality: larger is
				better."/>
		<column name="topology" type="text" ucd="meta.code.class" verbLevel="10"
			description="Event topology: track, starting track or shower."/>
		<column name="zenith" type="real" unit="deg" ucd="pos.az.zd" verbLevel="15"
			displayHint="sf=2"
			description="Zenith angle of the arrival direction at the detector; values above 90
				deg correspond to up-going events, which crossed the Earth."/>
		<column name="azimuth" type="real" unit="deg" ucd="pos.az.azi" verbLevel="15"
			displayHint="sf=2"
			description="Azimuth of the arrival direction at the detector, measured from true north
				towards east."/>
		<column name="det_id" tablehead="Detector no." type="integer" ucd="meta.id;instr.det" verbLevel="20"
			description="Identifier of the detector configuration.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="run_id" tablehead="Run" type="integer" ucd="meta.id;obs" verbLevel="20"
			description="Number of the data-taking run.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="frame_index" tablehead="Frame" type="integer" ucd="meta.id" verbLevel="25"
			description="Number of the frame (time slice) within the run.">
			<values nullLiteral="-2147483648"/>
		</column>
		<column name="trigger_counter" tablehead="Trigger" type="bigint" ucd="meta.id" verbLevel="25"
			description="Number of the trigger within the frame.">
			<values nullLiteral="-9223372036854775808"/>
		</column>
		<column name="event_no" tablehead="Number" type="bigint" ucd="meta.id" required="True" verbLevel="25"
			description="Number of the event in the release's FITS files (column EVENT_ID).">
			<property name="fits">event_id</property>
		</column>
		<column name="quality" type="bigint" ucd="meta.code.qual" verbLevel="25"
			description="Quality flags; NULL if the sample has none.">
			<values nullLiteral="-9223372036854775808"/>
		</column>
	</STREAM>

	<STREAM id="origin-columns">
		<doc>The last columns of a table of events: its origin, and the error circle.

		release   the release's name
		detector  the detector configuration as named in publications, such as ORCA6
		</doc>
		<column name="release" type="text" ucd="meta.dataset" verbLevel="20"
			description="Data release to which the event belongs.">
			<property name="computed">'\release'</property>
		</column>
		<column name="detector" type="text" ucd="meta.id;instr" verbLevel="20"
			description="Detector that recorded the event, in its configuration at that time.">
			<property name="computed">'\detector'</property>
		</column>
		<column name="origin_est" type="scircle" unit="deg" ucd="pos.outline"
			verbLevel="30"
			description="Circle of radius ang_err around the arrival direction, for use with
				INTERSECTS and CONTAINS; NULL if the error is unknown or larger than 90 degrees.">
			<property name="computed">CASE WHEN ang_err &lt;= 90 THEN
				scircle(spoint(radians(ra), radians(dec)), radians(ang_err::double precision))
				END</property>
		</column>
	</STREAM>

	<STREAM id="event-indices">
		<doc>The order in which events are stored, and the indices of their table. The mixin
		//scs#q3cindex would rewrite the whole table to establish this order.</doc>
		<property name="sorted_by">ra dec</property>
		<index name="q3c_position" kind="q3c">
			<columns>ra, dec</columns>
			q3c_ang2ipix(ra, dec)
		</index>
		<index columns="mjd"/>
		<index columns="energy"/>
	</STREAM>

	<STREAM id="circle-index">
		<doc>The index of the error circles, see circles.sql; site/dachs/patches/circles.py knows it
		by its kind.</doc>
		<index name="origin_est" kind="cells" columns="origin_est">
			circle_cell(origin_est)
		</index>
	</STREAM>

	<NXSTREAM id="periods">
		<doc>Makes a table a view of the tables of its periods, which are in its property periods.
		What is computed is computed by the view, so that rows are stored as they are sent; the
		index of error circles is one of the same expression.</doc>
		<LOOP>
			<codeItems>
				table = context.replayTarget
				columns = ", ".join(
					f"CAST({one.getProperty('computed')} AS {one.type}) AS {one.name}"
					if one.hasProperty("computed") else str(one.name) for one in table.columns)
				parts = table.getProperty("periods").split()
				yield {"statement": " UNION ALL ".join(f"SELECT {columns} FROM {one}" for one in parts)}
			</codeItems>
			<events>
				<viewStatement>CREATE VIEW \\qName AS (\statement)</viewStatement>
			</events>
		</LOOP>
	</NXSTREAM>

	<STREAM id="files">
		<doc>Serves the files of a release that are no products of their own.</doc>
		<service id="files" allowed="static">
			<meta name="title">Files of this release</meta>
			<meta name="description">Provenance documents, previews and tables of the data products,
				and the files of which further tables were made.</meta>
			<property name="staticData">data</property>
			<nullCore/>
		</service>
	</STREAM>

	<STREAM id="import">
		<doc>Fills the table main from the release's data products, and serves the files beside them.</doc>
		<data id="import_main">
			<sources pattern="data/*.fits"/>
			<customGrammar module="../km3net/bulkload"/>
			<make table="main"/>
		</data>
		<FEED source="km3net/common#files"/>
	</STREAM>

	<STREAM id="responses">
		<doc>The core of the service of a release of responses: the list of its files. Title and
		short name are in about.rd.

		release   the release's name
		</doc>
		<publish render="form" sets="local,ivo_managed"/>
		<!-- previews appear in the first column, in full size unless limited -->
		<property name="customCSS">img.preview { max-width: 12em; }</property>
		<dbCore queriedTable="km3net/nu#observations">
			<condDesc fixedSQL="release = '\release'"/>
		</dbCore>
		<outputTable>
			<outputField original="km3net/nu#observations.accref" tablehead="File">
				<formatter><![CDATA[
					if not data:
						return ""
					name = data.rpartition("/")[2]
					link = T.a(href=base.makeAbsoluteURL("getproduct/"+data))[name]
					# its picture is that of the file it was made from, which is in the row above
					if name.endswith(".gadf.fits"):
						return link
					return link(class_="productlink", onmouseover="insertPreview(this, null)")
				]]></formatter>
			</outputField>
			<outputField original="km3net/nu#observations.title"/>
			<outputField original="km3net/nu#observations.product_subtype" tablehead="Response"/>
			<outputField original="km3net/nu#observations.mime"/>
			<outputField original="km3net/nu#observations.accsize" tablehead="Size"/>
			<outputField original="km3net/nu#observations.obs_publisher_did" tablehead="Identifier"/>
		</outputTable>
	</STREAM>

	<STREAM id="responses-links">
		<doc>The DataLink service under the name that the table of the service above states; DaCHS
		looks for it in the descriptor of the service.</doc>
		<service id="dl" original="km3net/nu#dl"/>
	</STREAM>

	<STREAM id="responses-tests">
		<doc>A test of what ObsCore says, which ``dachs test`` runs; release as above.</doc>
		<regSuite title="Instrument responses of \release">
			<regTest title="ObsCore has the responses">
				<url parSet="TAP"
					QUERY="SELECT count(*) AS n FROM km3net.observations WHERE release='\release' AND product_type='response-function'"
					>/__system__/tap/run/tap/sync</url>
				<code>
					self.assertTrue(self.getVOTableRows()[0]["n"] > 0)
				</code>
			</regTest>
		</regSuite>
	</STREAM>

	<STREAM id="further-table">
		<doc>Fills a further table of the release from one of the files that its manifest lists under
		tables; give its name as table. A simulated stand-in has none: the table is then empty.</doc>
		<data id="import_\table">
			<sources pattern="data/tables/\table.fits"/>
			<customGrammar module="../km3net/bulkload"/>
			<make table="\table"/>
		</data>
	</STREAM>

	<STREAM id="structured-data">
		<doc>The description of the release that search engines read in a service's web page
		(JSON-LD). The file is written from the registry record after each import.</doc>
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
		<doc>The cone search over the table main; its title and publication are in about.rd.</doc>
		<scsCore queriedTable="main">
			<FEED source="//scs#coreDescs"/>
			<condDesc buildFrom="mjd"/>
			<condDesc buildFrom="energy"/>
		</scsCore>
		<outputTable verbLevel="15"/>
		<FEED source="km3net/common#structured-data"/>
	</STREAM>
</resource>
