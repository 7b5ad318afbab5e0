<!-- The release $name.

What is said about it is in inputs/$name; the columns that all samples share are declared in
rd/km3net/common.rd. After a change: make import RELEASE=$name -->
<resource schema="$name" resdir=".">
	<FEED source="$name/about#metadata"/>
	<table id="main" onDisk="True" primary="event_id">
		<FEED source="$name/about#table"/>
		<FEED source="km3net/common#event-columns"/>
		<FEED source="$name/about#origin-columns"/>
		<FEED source="km3net/common#event-indices"/>
	</table>
	<FEED source="km3net/common#import"/>
	<service id="cone" allowed="form,scs.xml">
		<FEED source="$name/about#cone"/>
		<FEED source="km3net/common#cone"/>
	</service>
	<FEED source="$name/about#tests"/>
</resource>
