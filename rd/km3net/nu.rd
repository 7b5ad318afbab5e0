<!-- All samples together: the observations with their products, and the events in one view.
Import it after any release: dachs imp km3net/nu -->
<resource schema="km3net" resdir=".">
	<meta name="title">KM3NeT and ANTARES neutrino events</meta>
	<meta name="description">The events of all samples that KM3NeT publishes, of its detectors ARCA
		and ORCA and of its predecessor ANTARES, in one table with the columns they have in
		common, and the observations they were taken in.</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="creator">KM3NeT Collaboration; ANTARES Collaboration</meta>
	<meta name="facility">KM3NeT</meta>
	<meta name="referenceURL">https://www.km3net.org</meta>
	<FEED source="km3net/common#metadata"/>

	<coverage>
		<!-- Of all releases together; a test compares. -->
		<spatial>0/0-11</spatial>
		<temporal>54129 59989</temporal>
		<spectral>1.602176634e-10 4.1656592484e-1</spectral>
	</coverage>

	<table id="observations" onDisk="True" adql="True">
		<!-- Not "products": DaCHS has a table of that name, and the mixin //products#table
		then never ends. -->
		<meta name="description">The observations that are published, with their data products and
			what they cover; the same as in ivoa.obscore, with KM3NeT's own identifiers.</meta>
		<meta name="_associatedDatalinkService">
			<meta name="serviceId">dl</meta>
			<meta name="idColumn">obs_publisher_did</meta>
		</meta>
		<mixin>//products#table</mixin>
		<mixin
			dataproduct_type="'event'"
			calib_level="2"
			obs_publisher_did="obs_publisher_did"
			obs_collection="collection"
			obs_id="obs_id"
			obs_title="title"
			facility_name="facility"
			instrument_name="instrument"
			s_ra="s_ra"
			s_dec="s_dec"
			s_fov="s_fov"
			s_resolution="s_resolution"
			s_xel1="-1"
			s_xel2="-1"
			t_min="t_min"
			t_max="t_max"
			t_exptime="livetime"
			t_xel="-1"
			em_min="em_min"
			em_max="em_max"
			em_xel="-1"
			pol_xel="-1"
			preview="NULL"
			>//obscore#publish</mixin>
		<!-- DaCHS' own columns of products, with the UCDs it leaves out. -->
		<column name="owner" type="text" ucd="meta.curation" verbLevel="25"
			description="Owner of the data, while they are not public."/>
		<column name="embargo" type="date" ucd="time.release" verbLevel="25"
			description="Date from which the data are public; empty if they always were."/>
		<column name="accsize" type="bigint" unit="byte" ucd="phys.size;meta.file"
			utype="Access.Size" verbLevel="11" description="Size of the product.">
			<values nullLiteral="-1"/>
		</column>
		<column name="obs_publisher_did" type="text" ucd="meta.ref.ivoid" required="True"
			verbLevel="1" description="Identifier of the product in the Virtual Observatory."/>
		<column name="release" type="text" ucd="meta.dataset" required="True" verbLevel="1"
			description="Data release the observation belongs to."/>
		<column name="obs_id" type="text" ucd="meta.id;meta.main" required="True" verbLevel="1"
			description="Release and number of the observation: the run, or 1 for a whole sample."/>
		<column name="title" type="text" ucd="meta.title" verbLevel="1"
			description="Title of the product."/>
		<column name="collection" type="text" ucd="meta.id" verbLevel="10"
			description="Collection the product belongs to."/>
		<column name="facility" type="text" ucd="meta.id;instr.tel" verbLevel="10"
			description="Facility that took the data."/>
		<column name="instrument" type="text" ucd="meta.id;instr" verbLevel="10"
			description="Detector, in the configuration it had."/>
		<column name="t_min" type="double precision" unit="d" ucd="time.start;obs.exposure"
			verbLevel="1" description="Begin of data taking (MJD, UTC)."/>
		<column name="t_max" type="double precision" unit="d" ucd="time.end;obs.exposure"
			verbLevel="1" description="End of data taking (MJD, UTC)."/>
		<column name="livetime" type="double precision" unit="s" ucd="time.duration;obs.exposure"
			verbLevel="10" description="Time in which the detector took data."/>
		<column name="s_ra" type="double precision" unit="deg" ucd="pos.eq.ra" verbLevel="10"
			description="Right ascension (ICRS) of the centre of the sky that was observed."/>
		<column name="s_dec" type="double precision" unit="deg" ucd="pos.eq.dec" verbLevel="10"
			description="Declination (ICRS) of the centre of the sky that was observed."/>
		<column name="s_fov" type="double precision" unit="deg"
			ucd="phys.angSize;instr.fov" verbLevel="10"
			description="Diameter of the sky that was observed."/>
		<column name="s_resolution" type="double precision" unit="arcsec"
			ucd="pos.angResolution" verbLevel="10"
			description="Median angular resolution of the events."/>
		<column name="energy_min" type="double precision" unit="eV" ucd="em.energy;stat.min"
			verbLevel="10" description="Lowest energy of the neutrinos."/>
		<column name="energy_max" type="double precision" unit="eV" ucd="em.energy;stat.max"
			verbLevel="10" description="Highest energy of the neutrinos."/>
		<column name="em_min" type="double precision" unit="m" ucd="em.wl;stat.min" verbLevel="20"
			description="Wavelength of a photon of the highest energy, as ObsCore wants it."/>
		<column name="em_max" type="double precision" unit="m" ucd="em.wl;stat.max" verbLevel="20"
			description="Wavelength of a photon of the lowest energy, as ObsCore wants it."/>
		<column name="ev_xel" type="integer" ucd="meta.number" required="True" verbLevel="1"
			description="Number of events in the product."/>
		<column name="event_type" type="text" ucd="meta.code.class" verbLevel="10"
			description="Form of the events: track, shower."/>
		<column name="obs_mode" type="text" ucd="meta.code" verbLevel="20"
			description="How the observation was made."/>
		<column name="analysis_mode" type="text" ucd="meta.code" verbLevel="20"
			description="Analysis the events were selected for."/>
		<column name="messenger_name" type="text" ucd="meta.id" verbLevel="20"
			description="Particle that brings the message."/>
		<column name="messenger_pdgid" type="text" ucd="meta.id" verbLevel="20"
			description="Its number in the scheme of the particle data group."/>
		<column name="reference" type="text" ucd="meta.bib" verbLevel="20"
			description="What to cite."/>
		<column name="kid" type="text" ucd="meta.id" verbLevel="20"
			description="KM3NeT identifier of the product, which its provenance record has, too."/>
	</table>

	<data id="import_observations">
		<sources pattern="../*/data/*.fits"/>
		<customGrammar module="products">
			<rowfilter procDef="//products#define">
				<bind key="table">"\schema.observations"</bind>
				<bind key="mime">"application/fits"</bind>
				<bind key="preview">None</bind>
			</rowfilter>
		</customGrammar>
		<make table="observations">
			<rowmaker idmaps="*">
				<map key="obs_publisher_did">\standardPubDID</map>
			</rowmaker>
		</make>
	</data>

	<!-- Which releases are online is seen by their products; each contributes its events. -->
	<LOOP>
		<codeItems>
			import glob
			import os

			COLUMNS = ("event_id, mjd, ra, dec, ang_err, ang_err_cl, energy, n_hits, likelihood,"
				" topology, zenith, azimuth, det_id, run_id, frame_index, trigger_counter,"
				" event_no, quality, release, detector, origin_est")
			# The sample with columns of its own: the predecessor's.
			OTHER = {"ant20_01": "id AS event_id, mjd, ra, decl AS dec, beta::real AS ang_err,"
				" NULL::real AS ang_err_cl, NULL::real AS energy, nhit AS n_hits,"
				" NULL::real AS likelihood, 'track'::text AS topology, NULL::real AS zenith,"
				" NULL::real AS azimuth, NULL::integer AS det_id, NULL::integer AS run_id,"
				" NULL::integer AS frame_index, NULL::bigint AS trigger_counter,"
				" substr(id, 4)::bigint AS event_no, NULL::bigint AS quality,"
				" 'ant20_01'::text AS release, 'ANTARES'::text AS detector, origin_est"}
			# A simulated stand-in among real events has to be seen in each row.
			descriptor = os.path.join(base.getConfig("inputsDir"), "ant20_01", "nu.rd")
			if os.path.exists(descriptor) and "SIMULATED" in open(descriptor).read():
				OTHER["ant20_01"] = OTHER["ant20_01"].replace(
					"'ant20_01'", "'ant20_01 (SIMULATED)'")
			found = sorted(path.split("/")[-3]
				for path in glob.glob(os.path.join(base.getConfig("inputsDir"), "[a-z]*/data/*.fits")))
			selects = ["SELECT %s FROM %s.main"%(OTHER.get(release, COLUMNS), release)
				for release in dict.fromkeys(found)]
			yield {"selects": " UNION ALL ".join(selects)}
		</codeItems>
		<events>
			<table id="events" onDisk="True" adql="True">
				<meta name="title">Neutrino events of all samples</meta>
				<meta name="description">The events of all published samples of KM3NeT and ANTARES,
					with the columns they have in common. For what a sample is, and for further
					columns, see the table of its release.</meta>
				<FEED source="km3net/common#event-columns"/>
				<FEED source="km3net/common#origin-columns" release="" detector=""/>
				<!-- Those of the releases' tables, so that DaCHS writes its queries to use them. -->
				<index name="q3c_position" kind="q3c" metaOnly="True" columns="ra, dec"/>
				<viewStatement>
					CREATE VIEW \\qName AS (SELECT \\colNames FROM (\selects) AS q)
				</viewStatement>
			</table>
		</events>
	</LOOP>

	<data id="make_events">
		<make table="events"/>
	</data>

	<service id="cone" allowed="form,scs.xml">
		<meta name="title">Cone search over all neutrino events of KM3NeT and ANTARES</meta>
		<meta name="shortName">KM3NeT events</meta>
		<meta name="testQuery">
			<meta name="ra">43.3</meta>
			<meta name="dec">35.8</meta>
			<meta name="sr">1</meta>
		</meta>
		<publish render="scs.xml" sets="ivo_managed"/>
		<publish render="form" sets="local,ivo_managed"/>
		<scsCore queriedTable="events">
			<FEED source="//scs#coreDescs"/>
			<condDesc buildFrom="mjd"/>
			<condDesc buildFrom="energy"/>
			<condDesc buildFrom="release"/>
		</scsCore>
		<outputTable verbLevel="20"/>
	</service>

	<service id="dl" allowed="dlmeta">
		<meta name="title">Products of KM3NeT and ANTARES observations</meta>
		<meta name="description">The files that belong to an observation: events, provenance,
			picture of the sky, documentation.</meta>
		<datalinkCore>
			<descriptorGenerator procDef="//soda#fromStandardPubDID"/>
			<metaMaker semantics="#provenance">
				<setup imports="os"/>
				<code>
					name = descriptor.accref.rpartition("/")[2]
					release = descriptor.accref.partition("/")[0]
					files = base.makeAbsoluteURL("%s/nu/files/static/"%release)
					yield descriptor.makeLink(files+name+".prov.json",
						description="How the product was made (W3C PROV-JSON)",
						semantics="#provenance", contentType="application/json")
					yield descriptor.makeLink(files+name.replace(".fits", ".png"),
						description="Picture of the events on the sky",
						semantics="#preview", contentType="image/png")
					folder = os.path.join(base.getConfig("inputsDir"), release, "data")
					for original in sorted(os.listdir(folder)):
						if not original.endswith(
							(".fits", ".fits.gz", ".prov.json", ".png", "structured-data.json")):
							yield descriptor.makeLink(files+original,
								description="A file as the collaboration delivered it",
								semantics="#progenitor",
								contentType="application/octet-stream",
								contentLength=os.path.getsize(os.path.join(folder, original)))
					yield descriptor.makeLink(base.makeAbsoluteURL("%s/nu/cone/info"%release),
						description="What the sample is and how to use it",
						semantics="#documentation", contentType="text/html")
				</code>
			</metaMaker>
		</datalinkCore>
	</service>

	<regSuite title="All samples together">
		<regTest title="The events of a release are among all events">
			<url parSet="TAP"
				QUERY="SELECT count(*) AS n FROM km3net.events WHERE release='ant20_01'"
				>/__system__/tap/run/tap/sync</url>
			<code>
				self.assertEqual(self.getVOTableRows(), [{"n": 8754}])
			</code>
		</regTest>
		<regTest title="A cone over all samples">
			<url RA="43" DEC="35" SR="3" responseformat="votabletd">cone/scs.xml</url>
			<code>
				self.assertTrue("ANT3412" in [row["event_id"] for row in self.getVOTableRows()])
			</code>
		</regTest>
	</regSuite>
</resource>
