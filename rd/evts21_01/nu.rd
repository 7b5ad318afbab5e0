<!-- KM3NeT/ORCA with 6 detection units: a sample of events.

What is said about it is in inputs/evts21_01; the columns that all samples share are declared in
rd/km3net/common.rd. After a change: make import RELEASE=evts21_01 -->
<resource schema="evts21_01" resdir=".">
	<FEED source="evts21_01/about#metadata"/>
	<table id="main" onDisk="True" primary="event_id">
		<FEED source="evts21_01/about#table"/>
		<FEED source="km3net/common#event-columns"/>
		<FEED source="evts21_01/about#origin-columns"/>
		<FEED source="km3net/common#event-indices"/>
	</table>
	<FEED source="km3net/common#import"/>
	<service id="cone" allowed="form,scs.xml">
		<FEED source="evts21_01/about#cone"/>
		<FEED source="km3net/common#cone"/>
	</service>
	<FEED source="evts21_01/about#tests"/>
</resource>
