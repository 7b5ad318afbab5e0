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
	<FEED source="km3net/common#import"/>
	<service id="cone" allowed="form,scs.xml">
		<FEED source="evts23_01/about#cone"/>
		<FEED source="km3net/common#cone"/>
	</service>
	<FEED source="evts23_01/about#tests"/>
</resource>
