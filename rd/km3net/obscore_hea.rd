<!-- The ObsCore extension for high-energy astrophysics (IVOA Proposed Endorsed Note, August
2026), with one row for each row of ivoa.obscore that it extends. The note is not final, so its
column names appear in this file only. -->
<resource schema="ivoa" resdir=".">
	<meta name="title">ObsCore and its high-energy extension</meta>
	<meta name="description">Observations described by the IVOA's ObsCore data model and its
		extension for high-energy astrophysics, which adds particle energies, event counts and
		event types.</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="creator">KM3NeT Collaboration</meta>
	<FEED source="km3net/common#metadata"/>

	<table id="obscore_hea" onDisk="True" adql="True">
		<meta name="description">The ObsCore extension for high-energy astrophysics, to be joined with
			ivoa.obscore on obs_publisher_did.</meta>
		<column name="obs_publisher_did" type="text" ucd="meta.ref.ivoid" required="True"
			verbLevel="1" description="Publisher's identifier of the data set, as in ivoa.obscore."/>
		<column name="ev_xel" type="integer" ucd="meta.number" verbLevel="5"
			description="Number of events in the data set; NULL for an instrument response,
				and until the data are public.">
			<values nullLiteral="-1"/>
		</column>
		<column name="s_ref_energy" type="double precision" unit="eV" ucd="em.energy" verbLevel="20"
			description="Reference energy of s_resolution."/>
		<column name="em_ref_energy" type="double precision" unit="eV" ucd="em.energy"
			verbLevel="20" description="Reference energy of em_res_power."/>
		<column name="s_ref_oaa" type="double precision" unit="deg" ucd="pos.angDistance"
			verbLevel="20" description="Reference off-axis angle of s_resolution."/>
		<column name="em_ref_oaa" type="double precision" unit="deg" ucd="pos.angDistance"
			verbLevel="20" description="Reference off-axis angle of em_res_power."/>
		<column name="t_intervals" type="text" ucd="time.interval;obs" verbLevel="20"
			description="Time intervals of the observation, as a temporal MOC (TCB at the barycentre
				of the Solar System)."/>
		<column name="energy_min" type="double precision" unit="eV" ucd="em.energy;stat.min"
			verbLevel="5" description="Lower limit of the particle energy range."/>
		<column name="energy_max" type="double precision" unit="eV" ucd="em.energy;stat.max"
			verbLevel="5" description="Upper limit of the particle energy range."/>
		<column name="obs_mode" type="text" ucd="meta.code;obs" verbLevel="10"
			description="Observation mode."/>
		<column name="tracking_mode" type="text" ucd="meta.code;obs" verbLevel="20"
			description="Tracking mode; NULL for a detector that does not point."/>
		<column name="scan_mode" type="text" ucd="meta.code;obs" verbLevel="20"
			description="Scan mode; NULL for a detector that does not point."/>
		<column name="pointing_mode" type="text" ucd="meta.code;obs" verbLevel="20"
			description="Pointing mode; NULL for a detector that does not point."/>
		<column name="analysis_mode" type="text" ucd="meta.code" verbLevel="10"
			description="Analysis for which the data were selected."/>
		<column name="event_type" type="text" ucd="meta.code.class" verbLevel="5"
			description="Event topology: track or shower."/>
		<column name="messenger_name" type="text" ucd="meta.id" verbLevel="10"
			description="Cosmic messenger that was observed, such as neutrino."/>
		<column name="messenger_pdgid" type="text" ucd="meta.id" verbLevel="20"
			description="Particle number of the messenger in the Monte Carlo numbering scheme of the
				Particle Data Group."/>
		<viewStatement>
			CREATE VIEW \qName AS (SELECT \colNames FROM (
				SELECT obs_publisher_did, ev_xel,
					s_ref_energy, NULL::double precision AS em_ref_energy,
					NULL::double precision AS s_ref_oaa, NULL::double precision AS em_ref_oaa,
					t_intervals, energy_min, energy_max, obs_mode,
					NULL::text AS tracking_mode, NULL::text AS scan_mode,
					NULL::text AS pointing_mode, analysis_mode, event_type, messenger_name,
					messenger_pdgid
				FROM km3net.observations) AS q)
		</viewStatement>
	</table>

	<data id="make_obscore_hea">
		<make table="obscore_hea"/>
	</data>

	<regSuite title="ObsCore extension for high-energy astrophysics">
		<regTest title="The extension can be joined with ObsCore">
			<url parSet="TAP"
				QUERY="SELECT ev_xel, event_type, energy_min FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea WHERE obs_collection='ANTARES-2017-PS' AND dataproduct_type='hea-event-bundle'"
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
