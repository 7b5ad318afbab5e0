<!-- KM3NeT/ORCA with 4 detection units: a sample of events.

What is said about it is in inputs/evts20_01; the columns that all samples share are declared in
rd/km3net/common.rd. After a change: make import RELEASE=evts20_01 -->
<resource schema="evts20_01" resdir=".">
	<FEED source="evts20_01/about#metadata"/>
	<table id="main" onDisk="True" primary="event_id">
		<FEED source="evts20_01/about#table"/>
		<FEED source="km3net/common#event-columns"/>
		<FEED source="evts20_01/about#origin-columns"/>
		<FEED source="km3net/common#event-indices"/>
	</table>
	<FEED source="km3net/common#import"/>
	<service id="cone" allowed="form,scs.xml">
		<FEED source="evts20_01/about#cone"/>
		<FEED source="km3net/common#cone"/>
	</service>
	<FEED source="evts20_01/about#tests"/>
</resource>
