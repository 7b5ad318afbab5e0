<!-- KM3NeT/ARCA: instrument responses of the combined analysis with CTA.

What is said about them is in inputs/irf_arca115; the tables of all responses are declared in
rd/irf/nu.rd. After a change: make import RELEASE=irf_arca115 -->
<resource schema="irf_arca115" resdir=".">
	<FEED source="irf_arca115/about#metadata"/>
	<FEED source="km3net/common#files"/>
	<service id="responses" allowed="form">
		<FEED source="irf_arca115/about#service"/>
		<FEED source="km3net/common#responses" release="irf_arca115"/>
	</service>
	<FEED source="km3net/common#responses-links"/>
	<FEED source="km3net/common#responses-tests" release="irf_arca115"/>
</resource>
