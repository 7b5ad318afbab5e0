<!-- KM3NeT/ARCA230: instrument responses of the complete detector.

What is said about them is in inputs/irf_arca230; the tables of all responses are declared in
rd/irf/nu.rd. After a change: make import RELEASE=irf_arca230 -->
<resource schema="irf_arca230" resdir=".">
	<FEED source="irf_arca230/about#metadata"/>
	<FEED source="km3net/common#files"/>
	<service id="responses" allowed="form">
		<FEED source="irf_arca230/about#service"/>
		<FEED source="km3net/common#responses" release="irf_arca230"/>
	</service>
	<FEED source="km3net/common#responses-links"/>
	<FEED source="km3net/common#responses-tests" release="irf_arca230"/>
</resource>
