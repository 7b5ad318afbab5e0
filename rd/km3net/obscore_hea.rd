<!-- The extension of ObsCore for high energies (IVOA Proposed Endorsed Note, August 2026), one
row per row of ivoa.obscore that it says more about. The note is not final: what it calls its
columns stands here and nowhere else. -->
<resource schema="ivoa" resdir=".">
	<meta name="title">ObsCore and its extension for high energies</meta>
	<meta name="description">Observations as the IVOA's ObsCore data model describes them, with the
		extension for high energies: energies of particles instead of wavelengths, numbers and
		types of events.</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="creator">KM3NeT Collaboration</meta>
	<FEED source="km3net/common#metadata"/>

	<table id="obscore_hea" onDisk="True" adql="True">
		<meta name="description">The extension of ObsCore for high energies; join it to ivoa.obscore
			by obs_publisher_did.</meta>
		<column name="obs_publisher_did" type="text" ucd="meta.ref.ivoid" required="True"
			verbLevel="1" description="Identifier of the data set, as in ivoa.obscore."/>
		<column name="ev_xel" type="integer" ucd="meta.number" required="True" verbLevel="5"
			description="Number of events in the data set."/>
		<column name="s_ref_energy" type="double precision" unit="eV" ucd="em.energy" verbLevel="20"
			description="Energy at which s_resolution holds."/>
		<column name="em_ref_energy" type="double precision" unit="eV" ucd="em.energy"
			verbLevel="20" description="Energy at which em_res_power holds."/>
		<column name="s_ref_oaa" type="double precision" unit="deg" ucd="pos.angDistance"
			verbLevel="20" description="Off-axis angle at which s_resolution holds."/>
		<column name="em_ref_oaa" type="double precision" unit="deg" ucd="pos.angDistance"
			verbLevel="20" description="Off-axis angle at which em_res_power holds."/>
		<column name="t_intervals" type="text" ucd="time.interval;obs" verbLevel="20"
			description="Time intervals of the observation, as a temporal MOC."/>
		<column name="energy_min" type="double precision" unit="eV" ucd="em.energy;stat.min"
			verbLevel="5" description="Lowest energy of the particles."/>
		<column name="energy_max" type="double precision" unit="eV" ucd="em.energy;stat.max"
			verbLevel="5" description="Highest energy of the particles."/>
		<column name="obs_mode" type="text" ucd="meta.code;obs" verbLevel="10"
			description="How the observation was made."/>
		<column name="tracking_mode" type="text" ucd="meta.code;obs" verbLevel="20"
			description="How the sky was followed; a detector that does not point has none."/>
		<column name="scan_mode" type="text" ucd="meta.code;obs" verbLevel="20"
			description="How the sky was scanned; a detector that does not point has none."/>
		<column name="pointing_mode" type="text" ucd="meta.code;obs" verbLevel="20"
			description="How the instrument pointed; a detector that does not point has none."/>
		<column name="analysis_mode" type="text" ucd="meta.code" verbLevel="10"
			description="Analysis the data were selected for."/>
		<column name="event_type" type="text" ucd="meta.code.class" verbLevel="5"
			description="Form of the events: track, shower."/>
		<column name="messenger_name" type="text" ucd="meta.id" verbLevel="10"
			description="Particle that brings the message."/>
		<column name="messenger_pdgid" type="text" ucd="meta.id" verbLevel="20"
			description="Its number in the scheme of the particle data group."/>
		<viewStatement>
			CREATE VIEW \qName AS (SELECT \colNames FROM (
				SELECT obs_publisher_did, ev_xel,
					NULL::double precision AS s_ref_energy, NULL::double precision AS em_ref_energy,
					NULL::double precision AS s_ref_oaa, NULL::double precision AS em_ref_oaa,
					NULL::text AS t_intervals, energy_min, energy_max, obs_mode,
					NULL::text AS tracking_mode, NULL::text AS scan_mode,
					NULL::text AS pointing_mode, analysis_mode, event_type, messenger_name,
					messenger_pdgid
				FROM km3net.observations) AS q)
		</viewStatement>
	</table>

	<data id="make_obscore_hea">
		<make table="obscore_hea"/>
	</data>

	<regSuite title="ObsCore extension for high energies">
		<regTest title="The extension joins with ObsCore">
			<url parSet="TAP"
				QUERY="SELECT obs_collection, ev_xel, event_type, energy_min FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea WHERE obs_collection='ANTARES-2017-PS'"
				>/__system__/tap/run/tap/sync</url>
			<code>
				(row,) = self.getVOTableRows()
				self.assertEqual(row["ev_xel"], 8754)
				self.assertEqual(row["event_type"], "track")
				self.assertEqual(row["energy_min"], 1e11)
			</code>
		</regTest>
	</regSuite>
</resource>
