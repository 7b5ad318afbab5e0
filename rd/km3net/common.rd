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

	<STREAM id="products">
		<doc>A release's data products, one row each, and their entries in ObsCore.

		The values of a product are read from its own FITS header; what is given here holds for
		the whole release:

		collection   ObsCore's obs_collection
		facility, instrument
		resolution   the median angular resolution, in deg
		minGeV, maxGeV  the energy range of the neutrinos
		centreRA, centreDec, diameter   the part of the sky that is covered, in deg

		The table must not be called products: DaCHS has one of that name, and the mixin
		//products#table then never ends.
		</doc>
		<table id="observations" onDisk="True" adql="hidden">
			<meta name="description">The data products of this release and what they cover.</meta>
			<mixin>//products#table</mixin>
			<mixin
				dataproduct_type="'event'"
				calib_level="2"
				obs_collection="'\collection'"
				obs_id="obs_id"
				obs_title="title"
				facility_name="'\facility'"
				instrument_name="'\instrument'"
				s_ra="\centreRA"
				s_dec="\centreDec"
				s_fov="\diameter"
				s_resolution="\resolution*3600"
				s_xel1="-1"
				s_xel2="-1"
				t_min="t_min"
				t_max="t_max"
				t_exptime="livetime"
				t_resolution="NULL"
				t_xel="-1"
				em_min="\\wavelengthOfGeV/\maxGeV"
				em_max="\\wavelengthOfGeV/\minGeV"
				em_xel="-1"
				pol_xel="-1"
				preview="NULL"
				>//obscore#publish</mixin>
			<column name="obs_id" type="text" ucd="meta.id;meta.main"
				description="Identifier of the observation the product holds."/>
			<column name="title" type="text" ucd="meta.title"
				description="Title of the product."/>
			<column name="t_min" type="double precision" unit="d" ucd="time.start;obs.exposure"
				description="Begin of data taking (MJD, UTC)."/>
			<column name="t_max" type="double precision" unit="d" ucd="time.end;obs.exposure"
				description="End of data taking (MJD, UTC)."/>
			<column name="livetime" type="double precision" unit="s"
				ucd="time.duration;obs.exposure"
				description="Time in which the detector took data."/>
			<column name="n_events" type="bigint" ucd="meta.number" required="True"
				description="Number of events in the product."/>
			<column name="kid" type="text" ucd="meta.id"
				description="KM3NeT identifier of the product, which its provenance record has, too."/>
		</table>

		<data id="import_observations">
			<sources pattern="data/*.fits"/>
			<customGrammar module="../km3net/products">
				<rowfilter procDef="//products#define">
					<bind key="table">"\\schema.observations"</bind>
					<bind key="mime">"application/fits"</bind>
					<bind key="preview">None</bind>
				</rowfilter>
			</customGrammar>
			<make table="observations">
				<rowmaker idmaps="*">
					<map key="title">(@title+" \\simulated").strip()</map>
				</rowmaker>
			</make>
		</data>
	</STREAM>
</resource>
