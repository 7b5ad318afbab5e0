<!-- The binned data of an oscillation analysis, $name.

What is said about them is in inputs/$name; their columns are declared here. After a change:
make import RELEASE=$name -->
<resource schema="$name" resdir=".">
	<FEED source="$name/about#metadata"/>

	<STREAM id="class">
		<doc>The class of the events.</doc>
		<column name="event_class" tablehead="Class" type="smallint" ucd="meta.code.class"
			required="True" verbLevel="1"
			description="Class of the events: 1 for tracks of high purity, 2 for showers, 3 for
				tracks of low purity."/>
	</STREAM>
	<STREAM id="reconstructed">
		<doc>The bin of the reconstructed energy and zenith angle.</doc>
		<column name="energy_bin" tablehead="Energy bin" type="smallint" ucd="meta.number"
			required="True" verbLevel="15"
			description="Number of the bin of reconstructed energy, from 1."/>
		<column name="energy_lo" tablehead="Energy from" type="double precision" unit="GeV"
			ucd="phys.energy;stat.min" required="True" verbLevel="1" displayHint="sf=3"
			description="Lower edge of the bin of reconstructed energy."/>
		<column name="energy_hi" tablehead="Energy to" type="double precision" unit="GeV"
			ucd="phys.energy;stat.max" required="True" verbLevel="1" displayHint="sf=3"
			description="Upper edge of the bin of reconstructed energy."/>
		<column name="cos_zenith_bin" tablehead="cos zenith bin" type="smallint"
			ucd="meta.number" required="True" verbLevel="15"
			description="Number of the bin of the cosine of the reconstructed zenith angle, from
				1."/>
		<column name="cos_zenith_lo" tablehead="cos zenith from" type="double precision"
			ucd="pos.dirCos;stat.min" required="True" verbLevel="1" displayHint="sf=3"
			description="Lower edge of the bin of the cosine of the reconstructed zenith angle;
				-1 is vertically up-going."/>
		<column name="cos_zenith_hi" tablehead="cos zenith to" type="double precision"
			ucd="pos.dirCos;stat.max" required="True" verbLevel="1" displayHint="sf=3"
			description="Upper edge of the bin of the cosine of the reconstructed zenith angle."/>
	</STREAM>
	<STREAM id="true">
		<doc>The bin of the true energy and zenith angle.</doc>
		<column name="true_energy_bin" tablehead="True energy bin" type="smallint"
			ucd="meta.number" required="True" verbLevel="15"
			description="Number of the bin of true energy, from 1."/>
		<column name="true_energy_lo" tablehead="True energy from" type="double precision"
			unit="GeV" ucd="phys.energy;stat.min" required="True" verbLevel="1"
			displayHint="sf=3" description="Lower edge of the bin of true energy."/>
		<column name="true_energy_hi" tablehead="True energy to" type="double precision"
			unit="GeV" ucd="phys.energy;stat.max" required="True" verbLevel="1"
			displayHint="sf=3" description="Upper edge of the bin of true energy."/>
		<column name="true_cos_zenith_bin" tablehead="True cos zenith bin" type="smallint"
			ucd="meta.number" required="True" verbLevel="15"
			description="Number of the bin of the cosine of the true zenith angle, from 1."/>
		<column name="true_cos_zenith_lo" tablehead="True cos zenith from"
			type="double precision" ucd="pos.dirCos;stat.min" required="True" verbLevel="1"
			displayHint="sf=3"
			description="Lower edge of the bin of the cosine of the true zenith angle; -1 is
				vertically up-going."/>
		<column name="true_cos_zenith_hi" tablehead="True cos zenith to"
			type="double precision" ucd="pos.dirCos;stat.max" required="True" verbLevel="1"
			displayHint="sf=3"
			description="Upper edge of the bin of the cosine of the true zenith angle."/>
	</STREAM>

	<table id="data" onDisk="True" adql="True"
			primary="event_class,energy_bin,cos_zenith_bin">
		<meta name="title">Observed events</meta>
		<meta name="description">The number of observed events in each bin of reconstructed energy
			and zenith angle, for each class of events.</meta>
		<FEED source="class"/>
		<FEED source="reconstructed"/>
		<column name="n_events" tablehead="Events" type="double precision" ucd="meta.number"
			required="True" verbLevel="1" description="Number of observed events."/>
	</table>

	<table id="muons" onDisk="True" adql="True"
			primary="event_class,energy_bin,cos_zenith_bin">
		<meta name="title">Expected atmospheric muons</meta>
		<meta name="description">The expected number of atmospheric muons in each bin of
			reconstructed energy and zenith angle, for each class of events, from
			simulation.</meta>
		<FEED source="class"/>
		<FEED source="reconstructed"/>
		<column name="n_events" tablehead="Muons" type="double precision" ucd="meta.number"
			required="True" verbLevel="1" displayHint="sf=4"
			description="Expected number of atmospheric muons."/>
		<column name="n_events_err" tablehead="Error" type="double precision" ucd="stat.error"
			required="True" verbLevel="1" displayHint="sf=4"
			description="Standard error of n_events due to the number of simulated muons: the
				square root of the delivered WE, the sum of their squared weights."/>
	</table>

	<table id="neutrinos" onDisk="True" adql="True">
		<meta name="title">Response to neutrinos</meta>
		<meta name="description">The response of detector and selection to neutrinos: for each
			kind of neutrino and interaction, how neutrinos of a bin of true energy and zenith
			angle are distributed over the bins of reconstructed energy and zenith angle and over
			the classes. The sum over weight times the flux at the detector, after oscillations,
			is the expected number of events.</meta>
		<FEED source="class"/>
		<FEED source="reconstructed"/>
		<FEED source="true"/>
		<column name="pdg" tablehead="PDG" type="smallint" ucd="meta.code" required="True"
			verbLevel="1"
			description="Kind of neutrino by its PDG code: 12 electron, 14 muon, 16 tau neutrino,
				negative for antineutrinos."/>
		<column name="is_cc" tablehead="CC" type="smallint" ucd="meta.code" required="True"
			verbLevel="1"
			description="1 for charged-current interactions, 0 for neutral-current ones."/>
		<column name="weight" tablehead="Weight" type="double precision" unit="GeV.m**2.s.sr"
			ucd="stat.weight" required="True" verbLevel="1" displayHint="sf=4"
			description="Number of expected events per flux, for the whole livetime: effective
				area times livetime, solid angle and width of the true energy, times the fraction
				in this reconstructed bin and class."/>
		<column name="weight_err" tablehead="Error" type="double precision"
			unit="GeV.m**2.s.sr" ucd="stat.error" required="True" verbLevel="10"
			displayHint="sf=4"
			description="Standard error of weight due to the number of simulated events: the
				square root of the delivered WE, the sum of their squared weights."/>
		<index columns="event_class,energy_bin,cos_zenith_bin"/>
		<index columns="pdg,is_cc"/>
	</table>

	<FEED source="km3net/common#files"/>
	<FEED source="km3net/common#further-table" table="data"/>
	<FEED source="km3net/common#further-table" table="muons"/>
	<FEED source="km3net/common#further-table" table="neutrinos"/>
	<service id="responses" allowed="form">
		<FEED source="$name/about#service"/>
		<FEED source="$name/about#publication"/>
		<dbCore queriedTable="data">
			<condDesc buildFrom="event_class"/>
			<condDesc buildFrom="energy_lo"/>
			<condDesc buildFrom="cos_zenith_lo"/>
		</dbCore>
	</service>
</resource>
