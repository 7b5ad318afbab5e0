<!-- KM3-230213A: the ultra-high-energy event recorded by KM3NeT/ARCA with 21 detection units.

What is said about it is in inputs/evts23_01; the columns that all samples share are declared in
rd/km3net/common.rd. After a change: make import RELEASE=evts23_01 -->
<resource schema="evts23_01" resdir=".">
	<FEED source="evts23_01/about#metadata"/>
	<table id="main" onDisk="True" primary="event_id">
		<FEED source="evts23_01/about#table"/>
		<FEED source="km3net/common#event-columns"/>
		<column name="err_50" type="real" unit="deg" ucd="stat.error;pos" verbLevel="1"
			displayHint="sf=1"
			description="Radius of the circle around the position that contains the true
				direction with a probability of 50 %."/>
		<column name="err_68" type="real" unit="deg" ucd="stat.error;pos" verbLevel="1"
			displayHint="sf=1"
			description="Radius of the circle around the position that contains the true
				direction with a probability of 68 %."/>
		<column name="err_90" type="real" unit="deg" ucd="stat.error;pos" verbLevel="1"
			displayHint="sf=1"
			description="Radius of the circle around the position that contains the true
				direction with a probability of 90 %."/>
		<column name="err_99" type="real" unit="deg" ucd="stat.error;pos" verbLevel="1"
			displayHint="sf=1"
			description="Radius of the circle around the position that contains the true
				direction with a probability of 99 %."/>
		<FEED source="evts23_01/about#origin-columns"/>
		<FEED source="km3net/common#event-indices"/>
	</table>
	<STREAM id="place">
		<doc>Where something is in the detector.</doc>
		<column name="x" type="double precision" unit="m" ucd="pos.cartesian.x;instr.det"
			required="True" verbLevel="1" displayHint="sf=3"
			description="Position in the frame of the detector: distance east of its reference
				point, along the UTM grid."/>
		<column name="y" type="double precision" unit="m" ucd="pos.cartesian.y;instr.det"
			required="True" verbLevel="1" displayHint="sf=3"
			description="Position in the frame of the detector: distance north of its reference
				point, along the UTM grid."/>
		<column name="z" type="double precision" unit="m" ucd="pos.cartesian.z;instr.det"
			required="True" verbLevel="1" displayHint="sf=3"
			description="Position in the frame of the detector: height above its reference
				point."/>
	</STREAM>
	<STREAM id="direction">
		<doc>A unit vector; give what it is the direction of as whose.</doc>
		<column name="dir_x" type="double precision" ucd="pos.dirCos" required="True" verbLevel="15"
			displayHint="sf=6" description="\whose: component towards UTM east."/>
		<column name="dir_y" type="double precision" ucd="pos.dirCos" required="True" verbLevel="15"
			displayHint="sf=6" description="\whose: component towards UTM north."/>
		<column name="dir_z" type="double precision" ucd="pos.dirCos" required="True" verbLevel="15"
			displayHint="sf=6" description="\whose: component upwards."/>
	</STREAM>
	<STREAM id="module-numbers">
		<doc>The place of an optical module in the detector.</doc>
		<column name="detection_unit" tablehead="Unit" type="smallint" ucd="meta.id;instr.det"
			required="True" verbLevel="10"
			description="Number of the detection unit, a vertical line of optical modules."/>
		<column name="floor_no" tablehead="Floor" type="smallint" ucd="meta.id;instr.det"
			required="True" verbLevel="10"
			description="Number of the floor, from 1 for the lowest optical module of a detection
				unit to 18 for the highest; 0 is the base of the unit, without
				photomultipliers.">
			<property name="fits">floor</property>
		</column>
	</STREAM>
	<STREAM id="times">
		<doc>When something happened; give what as what.</doc>
		<column name="t" tablehead="Time" type="double precision" unit="ns" ucd="time.interval"
			required="True" verbLevel="1" displayHint="sf=3"
			description="Time of \what, counted from 2023-02-13T01:16:47.7281425 UTC, the time of
				the first hit in the delivered file."/>
		<column name="mjd" tablehead="MJD" type="double precision" unit="d" ucd="time.epoch"
			required="True" verbLevel="20" displayHint="sf=11"
			description="Time of \what (MJD, UTC), to a microsecond; t is more precise."/>
	</STREAM>
	<STREAM id="method">
		<doc>Whether a counterpart was selected with a method; give its number.</doc>
		<column name="method_\number" tablehead="Method \number" type="smallint" ucd="meta.code"
			required="True" verbLevel="10"
			description="1 if the source was selected with method \number of the publication, 0
				otherwise."/>
	</STREAM>
	<STREAM id="event">
		<doc>The event to which a row belongs.</doc>
		<column name="event_id" tablehead="Event" type="text" ucd="meta.id" verbLevel="20"
			description="The event, as in evts23_01.main.">
			<property name="computed">'KM3-230213A'</property>
		</column>
	</STREAM>

	<table id="hits" onDisk="True" primary="hit">
		<FEED source="evts23_01/about#access"/>
		<meta name="title">Hits of KM3-230213A</meta>
		<meta name="description">All hits that the detector recorded around the event KM3-230213A:
			a row for each signal of a photomultiplier, with its time, duration, position and
			direction. Hits that were part of the trigger have triggered = 1. Light of radioactive
			decays and of organisms is among the others.</meta>
		<column name="hit" tablehead="Hit" type="integer" ucd="meta.id;meta.main" required="True"
			verbLevel="1" description="Number of the hit, in the order of the delivered file.">
			<property name="fits">number</property>
		</column>
		<FEED source="times" what="the hit"/>
		<column name="tot" tablehead="ToT" type="smallint" unit="ns" ucd="time.duration"
			required="True" verbLevel="1"
			description="Time over threshold: how long the signal was above the threshold, a
				measure of its size. 255 is the largest value that is recorded."/>
		<column name="triggered" type="smallint" ucd="meta.code" required="True" verbLevel="1"
			description="1 if the hit was part of the trigger of the event, 0 otherwise."/>
		<FEED source="place"/>
		<column name="dom_id" tablehead="Module" type="integer" ucd="meta.id;instr.det"
			required="True" verbLevel="10"
			description="Identifier of the optical module, as in evts23_01.modules."/>
		<column name="channel_id" tablehead="Channel" type="smallint" ucd="meta.id;instr.det"
			required="True" verbLevel="10"
			description="Number of the photomultiplier in its optical module, from 0 to 30."/>
		<FEED source="module-numbers"/>
		<FEED source="direction" whose="Direction in which the photomultiplier looks"/>
		<column name="tdc" tablehead="TDC" type="integer" unit="ns" ucd="time.interval"
			required="True" verbLevel="25"
			description="Time of the hit as digitised in the optical module, not calibrated,
				counted from the start of the time slice."/>
		<FEED source="event"/>
		<index columns="t"/>
		<index columns="dom_id,channel_id"/>
	</table>

	<table id="tracks" onDisk="True" primary="event_id">
		<FEED source="evts23_01/about#access"/>
		<meta name="title">Reconstructed track of KM3-230213A</meta>
		<meta name="description">The muon track that was fitted to the hits of KM3-230213A, in the
			frame of the detector: a point on the track, the time at which the muon was there, and
			its direction of flight. With t in ns and a speed of 0.299792458 m/ns, the muon was at
			x + 0.299792458 (t' - t) dir_x at the time t', and likewise for y and z.</meta>
		<FEED source="times" what="the muon at this position"/>
		<FEED source="place"/>
		<FEED source="direction" whose="Direction in which the muon flew"/>
		<FEED source="event"/>
	</table>

	<table id="modules" onDisk="True" primary="dom_id">
		<FEED source="evts23_01/about#access"/>
		<meta name="title">Optical modules of KM3NeT/ARCA21</meta>
		<meta name="description">The optical modules of KM3NeT/ARCA with 21 detection units at the
			time of KM3-230213A, and the bases of the detection units, with their positions. The
			units sway in the current: positions are those at that time.</meta>
		<column name="dom_id" tablehead="Module" type="integer" ucd="meta.id;instr.det;meta.main"
			required="True" verbLevel="1" description="Identifier of the optical module."/>
		<FEED source="module-numbers"/>
		<FEED source="place"/>
		<column name="n_pmts" tablehead="PMTs" type="smallint" ucd="meta.number;instr.det"
			required="True" verbLevel="10"
			description="Number of photomultipliers: 31, or 0 for a base."/>
	</table>

	<table id="pmts" onDisk="True" primary="dom_id,channel_id">
		<FEED source="evts23_01/about#access"/>
		<meta name="title">Photomultipliers of KM3NeT/ARCA21</meta>
		<meta name="description">The photomultipliers of KM3NeT/ARCA with 21 detection units at the
			time of KM3-230213A, with the positions and directions of each, also of those without
			a hit.</meta>
		<column name="dom_id" tablehead="Module" type="integer" ucd="meta.id;instr.det"
			required="True" verbLevel="1"
			description="Identifier of the optical module, as in evts23_01.modules."/>
		<column name="channel_id" tablehead="Channel" type="smallint" ucd="meta.id;instr.det"
			required="True" verbLevel="1"
			description="Number of the photomultiplier in its optical module, from 0 to 30."/>
		<FEED source="module-numbers"/>
		<FEED source="place"/>
		<FEED source="direction" whose="Direction in which the photomultiplier looks"/>
	</table>

	<table id="counterparts" onDisk="True" primary="source">
		<FEED source="evts23_01/about#access"/>
		<meta name="title">Candidate counterparts of KM3-230213A</meta>
		<meta name="description">Blazars and blazar candidates within the 99 % radius around
			KM3-230213A, as in Figure 4 of the publication (doi:10.1038/s41586-024-08543-1), with
			the four methods by which they were selected. The publication describes the
			methods.</meta>
		<stc>Position ICRS "ra" "dec"</stc>
		<column name="source" tablehead="Source" type="smallint" ucd="meta.id;meta.main"
			required="True" verbLevel="1"
			description="Number of the source in the figure, in the order of its distance."/>
		<column name="name" tablehead="Name" type="text" ucd="meta.id;src" required="True"
			verbLevel="1"
			description="Name of the source in the catalogue whose name precedes it; written with
				hyphens for minus signs, as name resolvers expect it."/>
		<column name="ra" tablehead="RA" type="double precision" unit="deg"
			ucd="pos.eq.ra;meta.main" required="True" verbLevel="1" displayHint="sf=6"
			description="Right ascension (J2000, as published; taken as ICRS)."/>
		<column name="dec" tablehead="Dec" type="double precision" unit="deg"
			ucd="pos.eq.dec;meta.main" required="True" verbLevel="1" displayHint="sf=6"
			description="Declination (J2000, as published; taken as ICRS)."/>
		<column name="separation" type="double precision" unit="deg" ucd="pos.angDistance"
			required="True" verbLevel="1" displayHint="sf=2"
			description="Angular distance from the direction of KM3-230213A, as published.">
			<property name="fits">distance</property>
		</column>
		<FEED source="method" number="1"/>
		<FEED source="method" number="2"/>
		<FEED source="method" number="3"/>
		<FEED source="method" number="4"/>
	</table>

	<table id="pmt_numbers" onDisk="True" primary="series,energy,n_pmts_lo">
		<FEED source="evts23_01/about#access"/>
		<meta name="title">Triggered photomultipliers of simulated muons</meta>
		<meta name="description">How many photomultipliers take part in the trigger if a muon of
			10, 100 or 1000 PeV crosses the detector as that of KM3-230213A did, by simulation: the
			distributions in Figure 2 of the publication (doi:10.1038/s41586-024-08543-1). In
			KM3-230213A it was 3672 photomultipliers. The delivered file has two distributions for
			each energy and labels both "no_syst". The first is the wider one, as expected if the
			absorption length of light in water is varied; the second is narrower.</meta>
		<column name="series" tablehead="Series" type="smallint" ucd="meta.id" required="True"
			verbLevel="1"
			description="1 for the first distribution of an energy in the delivered file, 2 for the
				second; see the description of the table."/>
		<column name="energy" type="double precision" unit="GeV" ucd="phys.energy" required="True"
			verbLevel="1" displayHint="sf=3" description="Energy of the simulated muons."/>
		<column name="n_pmts_lo" tablehead="From" type="double precision"
			ucd="meta.number;instr.det;stat.min" required="True" verbLevel="1" displayHint="sf=2"
			description="Lower edge of the bin: number of triggered photomultipliers."/>
		<column name="n_pmts_hi" tablehead="To" type="double precision"
			ucd="meta.number;instr.det;stat.max" required="True" verbLevel="1" displayHint="sf=2"
			description="Upper edge of the bin: number of triggered photomultipliers."/>
		<column name="density" type="double precision" ucd="stat.probability" required="True"
			verbLevel="1" displayHint="sf=8"
			description="Fraction of the simulated events in the bin, divided by its width; the
				integral over all bins is 1."/>
	</table>
	<FEED source="km3net/common#import"/>
	<FEED source="km3net/common#further-table" table="hits"/>
	<FEED source="km3net/common#further-table" table="tracks"/>
	<FEED source="km3net/common#further-table" table="modules"/>
	<FEED source="km3net/common#further-table" table="pmts"/>
	<FEED source="km3net/common#further-table" table="counterparts"/>
	<FEED source="km3net/common#further-table" table="pmt_numbers"/>
	<service id="cone" allowed="form,scs.xml">
		<FEED source="evts23_01/about#cone"/>
		<FEED source="km3net/common#cone"/>
	</service>
	<FEED source="evts23_01/about#tests"/>
</resource>
