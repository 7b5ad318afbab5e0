<!-- What combines all samples: the observations with their data products, and one view of all
events. It has to be imported after each release: dachs imp km3net/nu -->
<resource schema="km3net" resdir=".">
	<meta name="title">KM3NeT and ANTARES neutrino events</meta>
	<meta name="description">Events from all samples published by KM3NeT, recorded with its
		detectors ARCA and ORCA and with its predecessor ANTARES, in one table with the columns
		they have in common, and the observations from which they were taken.</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="creator">KM3NeT Collaboration; ANTARES Collaboration</meta>
	<meta name="facility">KM3NeT</meta>
	<meta name="referenceURL">https://www.km3net.org</meta>
	<FEED source="km3net/common#metadata"/>

	<!-- The union of the coverages of all releases, made at deployment. -->
	<FEED source="km3net/about#coverage"/>

	<table id="observations" onDisk="True" adql="True">
		<!-- Not called "products": DaCHS has a table of that name, and with DaCHS 2.7 the mixin
		//products#table then does not terminate. -->
		<meta name="description">Published data products with their coverage in time, space and
			energy: event lists, bundles (archives of a list with its provenance and instrument
			responses), and instrument responses. Those of one observation have the same obs_id. The same products
			are in ivoa.obscore; this table adds KM3NeT's own identifiers.</meta>
		<meta name="_associatedDatalinkService">
			<meta name="serviceId">dl</meta>
			<meta name="idColumn">obs_publisher_did</meta>
		</meta>
		<mixin>//products#table</mixin>
		<mixin
			dataproduct_type="product_type"
			dataproduct_subtype="product_subtype"
			calib_level="2"
			access_estsize="(accsize + 1023) / 1024"
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
			o_ucd="o_ucd"
			preview="preview"
			>//obscore#publish</mixin>
		<!-- Columns of DaCHS' product tables, repeated here to add the UCDs that DaCHS omits. -->
		<column name="owner" type="text" ucd="meta.curation" verbLevel="25"
			description="Group whose members have access before the data become public."/>
		<column name="embargo" type="date" ucd="time.release" verbLevel="25"
			description="Date on which the data become public, 9999-12-31 if there is none yet; NULL
				if they are public."/>
		<column name="accsize" type="bigint" unit="byte" ucd="phys.size;meta.file"
			utype="Access.Size" verbLevel="11"
			description="Size of the data product; NULL until the data are public.">
			<values nullLiteral="-1"/>
		</column>
		<column name="obs_publisher_did" type="text" ucd="meta.ref.ivoid" required="True"
			verbLevel="1" description="Publisher's identifier of the data product (IVOID)."/>
		<column name="product_type" type="text" ucd="meta.code.class" required="True" verbLevel="1"
			description="Type of the data product, in the words of the ObsCore extension for
				high-energy astrophysics."/>
		<column name="product_subtype" type="text" ucd="meta.code.class" verbLevel="10"
			description="What an instrument response describes: aeff, edisp, psf or bkgrate; NULL for
				other products."/>
		<column name="release" type="text" ucd="meta.dataset" required="True" verbLevel="1"
			description="Data release to which the observation belongs."/>
		<column name="obs_id" type="text" ucd="meta.id;meta.main" required="True" verbLevel="1"
			description="Identifier of the observation: the release, followed by the run number or, for a
				whole sample, by 1."/>
		<column name="title" type="text" ucd="meta.title" verbLevel="1"
			description="Title of the data product."/>
		<column name="collection" type="text" ucd="meta.id" verbLevel="10"
			description="Data collection to which the product belongs."/>
		<column name="facility" type="text" ucd="meta.id;instr.tel" verbLevel="10"
			description="Facility with which the data were taken."/>
		<column name="instrument" type="text" ucd="meta.id;instr" verbLevel="10"
			description="Detector, in its configuration at the time of the observation."/>
		<column name="t_min" type="double precision" unit="d" ucd="time.start;obs.exposure"
			verbLevel="1" description="Start of data taking, or of the validity of a response (MJD, UTC)."/>
		<column name="t_max" type="double precision" unit="d" ucd="time.end;obs.exposure"
			verbLevel="1" description="End of data taking, or of the validity of a response (MJD, UTC)."/>
		<column name="t_intervals" type="text" ucd="time.interval;obs" verbLevel="20"
			description="Time intervals of the observation, or the validity of a response without one,
				as a temporal MOC."/>
		<column name="livetime" type="double precision" unit="s" ucd="time.duration;obs.exposure"
			verbLevel="10" description="Livetime: the time during which the detector was taking data."/>
		<column name="s_ra" type="double precision" unit="deg" ucd="pos.eq.ra" verbLevel="10"
			description="Right ascension (ICRS) of the centre of the observed region."/>
		<column name="s_dec" type="double precision" unit="deg" ucd="pos.eq.dec" verbLevel="10"
			description="Declination (ICRS) of the centre of the observed region."/>
		<column name="s_fov" type="double precision" unit="deg"
			ucd="phys.angSize;instr.fov" verbLevel="10"
			description="Diameter of the observed region."/>
		<column name="s_resolution" type="double precision" unit="arcsec"
			ucd="pos.angResolution" verbLevel="10"
			description="Median angular resolution of the events."/>
		<column name="s_ref_energy" type="double precision" unit="eV" ucd="em.energy" verbLevel="20"
			description="Energy for which s_resolution is given; NULL if it is an average over the
				sample."/>
		<column name="energy_min" type="double precision" unit="eV" ucd="em.energy;stat.min"
			verbLevel="10" description="Lower limit of the neutrino energy range."/>
		<column name="energy_max" type="double precision" unit="eV" ucd="em.energy;stat.max"
			verbLevel="10" description="Upper limit of the neutrino energy range."/>
		<column name="em_min" type="double precision" unit="m" ucd="em.wl;stat.min" verbLevel="20"
			description="Wavelength of a photon with the energy energy_max, as required by ObsCore."/>
		<column name="em_max" type="double precision" unit="m" ucd="em.wl;stat.max" verbLevel="20"
			description="Wavelength of a photon with the energy energy_min, as required by ObsCore."/>
		<column name="o_ucd" type="text" ucd="meta.ucd" verbLevel="20"
			description="UCDs of the observables in an event list, separated by #."/>
		<column name="ev_xel" type="integer" ucd="meta.number" verbLevel="1"
			description="Number of events in the data product; NULL for an instrument
				response, and until the data are public.">
			<values nullLiteral="-1"/>
		</column>
		<column name="event_type" type="text" ucd="meta.code.class" verbLevel="10"
			description="Event topology: track or shower."/>
		<column name="obs_mode" type="text" ucd="meta.code" verbLevel="20"
			description="Observation mode."/>
		<column name="analysis_mode" type="text" ucd="meta.code" verbLevel="20"
			description="Analysis for which the events were selected."/>
		<column name="messenger_name" type="text" ucd="meta.id" verbLevel="20"
			description="Cosmic messenger that was observed, such as neutrino."/>
		<column name="messenger_pdgid" type="text" ucd="meta.id" verbLevel="20"
			description="Particle number of the messenger in the Monte Carlo numbering scheme of the
				Particle Data Group."/>
		<column name="reference" type="text" ucd="meta.bib" verbLevel="20"
			description="Publication to cite when using the data."/>
		<column name="kid" type="text" ucd="meta.id" verbLevel="20"
			description="KM3NeT identifier (UUID) of the data product, also given in its provenance
				record."/>
		<column name="preview" type="text" ucd="meta.ref.url;meta.preview" verbLevel="20"
			displayHint="type=product"
			description="Preview of the data product: a sky plot of the events, or a plot of the
				response."/>
	</table>

	<data id="import_observations">
		<!-- one source per release, whose products are beside its descriptor -->
		<sources pattern="../*/nu.rd"/>
		<customGrammar module="products">
			<rowfilter procDef="//products#define">
				<bind key="table">"\schema.observations"</bind>
				<bind key="accref">row["path"]</bind>
				<bind key="path">row["path"]</bind>
				<bind key="fsize">row["size"]</bind>
				<bind key="owner">row["owner"]</bind>
				<bind key="embargo">row["embargo"]</bind>
				<bind key="mime">row["media_type"]</bind>
				<bind key="preview">row["preview_path"]</bind>
				<bind key="preview_mime">"image/png"</bind>
			</rowfilter>
		</customGrammar>
		<make table="observations">
			<rowmaker idmaps="*">
				<map key="obs_publisher_did">\standardPubDID</map>
			</rowmaker>
		</make>
	</data>

	<NXSTREAM id="union">
		<doc>Makes a table a view of all releases that are online. A stream, because only within
		one has the code access to the table and its columns.</doc>
		<LOOP>
			<codeItems>
				import os
				union, _ = utils.loadPythonModule(
					os.path.join(base.getConfig("inputsDir"), "km3net", "union"))
				yield {"statement": union.statement(context.replayTarget.columns)}
			</codeItems>
			<events>
				<viewStatement>
					CREATE VIEW \\qName AS (SELECT \\colNames FROM (\statement) AS q)
				</viewStatement>
			</events>
		</LOOP>
	</NXSTREAM>

	<table id="events" onDisk="True" adql="True">
		<meta name="title">Neutrino events of all samples</meta>
		<meta name="description">Events from all published samples of KM3NeT and ANTARES, with the
			columns they have in common. Each release has a table of its own, which describes the
			sample and may have further columns.</meta>
		<FEED source="km3net/common#event-columns"/>
		<FEED source="km3net/common#origin-columns" release="" detector=""/>
		<!-- The releases' own indices, declared so that DaCHS writes queries that use them. -->
		<index name="q3c_position" kind="q3c" metaOnly="True" columns="ra, dec"/>
		<index name="origin_est" kind="cells" metaOnly="True" columns="origin_est"/>
		<LFEED source="union"/>
	</table>

	<data id="make_events">
		<make table="events"/>
	</data>

	<service id="cone" allowed="form,scs.xml">
		<meta name="title">Cone search for neutrino events of KM3NeT and ANTARES</meta>
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
		<meta name="title">Data products of KM3NeT and ANTARES observations</meta>
		<meta name="description">Files that belong to a data product: bundle, instrument responses,
			provenance, preview and documentation.</meta>
		<datalinkCore>
			<descriptorGenerator procDef="//soda#fromStandardPubDID"/>
			<metaMaker>
				<setup>
					<code>
						import os
						links, _ = utils.loadPythonModule(
							os.path.join(base.getConfig("inputsDir"), "km3net", "links"))
					</code>
				</setup>
				<code>
					yield from links.links(descriptor)
				</code>
			</metaMaker>
		</datalinkCore>
	</service>

	<service id="openapi" allowed="custom" customPage="openapi" defaultRenderer="custom">
		<meta name="title">Description of the services (OpenAPI)</meta>
		<meta name="description">The services of this node with their parameters, for programs that
			read OpenAPI documents. The IVOA's clients need only the registry and TAP.</meta>
		<nullCore/>
	</service>

	<regSuite title="All samples">
		<regTest title="The view of all events contains those of a release">
			<url parSet="TAP"
				QUERY="SELECT count(*) AS n FROM km3net.events WHERE release='ant20_01'"
				>/__system__/tap/run/tap/sync</url>
			<code>
				self.assertEqual(self.getVOTableRows(), [{"n": 8754}])
			</code>
		</regTest>
		<regTest title="The cone search covers all samples">
			<url RA="43" DEC="35" SR="3" responseformat="votabletd">cone/scs.xml</url>
			<code>
				self.assertTrue("ANT3412" in [row["event_id"] for row in self.getVOTableRows()])
			</code>
		</regTest>
	</regSuite>
</resource>
