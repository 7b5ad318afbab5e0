<!-- KM3NeT/ORCA with 4 detection units: a sample of events.

To change a column's description, unit or UCD, edit rd/km3net/common.rd, which declares the
columns shared by all samples, and run make import RELEASE=evts20_01. -->
<resource schema="evts20_01" resdir=".">
	<!-- Filled with a warning at deployment if the input is a simulated stand-in. -->
	<macDef name="simulated"></macDef>

	<meta name="title">KM3NeT/ORCA4 event sample\simulated</meta>
	<meta name="description">A sample of 2,498 reconstructed events recorded by the neutrino telescope
		KM3NeT/ORCA with 4 detection units: time, direction, angular error, energy and quality.
		Nearly all of them are atmospheric muons.\simulated</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="creator">KM3NeT Collaboration</meta>
	<meta name="facility">KM3NeT</meta>
	<meta name="instrument">ORCA4</meta>
	<!-- No DOI: these are public test data without a publication of their own. -->
	<meta name="referenceURL">https://www.km3net.org</meta>
	<FEED source="km3net/common#metadata"/>

	<meta name="_longdoc" format="rst"><![CDATA[
		\simulated

		What the sample is
		==================

		The first 2,498 events with a reconstructed track from one data-taking run of KM3NeT/ORCA
		with 4 detection units, corresponding to seven minutes of data. No neutrino selection has
		been applied: nearly all events are muons produced in air showers above the detector.
		Fewer than one in ten are reconstructed as up-going (zenith above 90 degrees), and most of
		these are muons with a misreconstructed direction. The sample is meant for becoming
		familiar with KM3NeT data and for testing software; it is not suited to searches for
		sources.

		What the columns mean
		=====================

		ang_err is the angular error estimated by the track fit; it may be large, or NULL, if the
		fit did not converge. energy is the energy of the muon as reconstructed by the energy fit;
		it is not calibrated for muon bundles. likelihood is the quality of the track fit; small
		or negative values indicate poor fits. Positions are obtained by extrapolating the
		straight track through the detector back to the sky; for a muon from an air shower this
		is the direction of the shower.
		]]></meta>

	<table id="main" onDisk="True" adql="True" primary="event_id">
		<meta name="title">KM3NeT/ORCA4 event sample\simulated</meta>
		<meta name="description">Reconstructed events of KM3NeT/ORCA4, run 6370, one per row.\simulated</meta>
		<FEED source="km3net/common#event-columns"/>
		<FEED source="km3net/common#origin-columns" release="evts20_01" detector="ORCA4"/>
		<FEED source="km3net/common#event-indices"/>
	</table>

	<coverage>
		<!-- Muons and neutrinos arrive from all directions. -->
		<spatial>0/0-11 6/</spatial>
		<temporal>58766 58767</temporal>
		<spectral>1.602176634e-10 1.602176634e-5</spectral>
	</coverage>

	<FEED source="km3net/common#import"/>
	<FEED source="km3net/common#cone" title="KM3NeT/ORCA4 event sample\simulated" shortName="ORCA4 20_01"
		testRA="326.48" testDec="44.26"/>

	<regSuite title="KM3NeT/ORCA4 event sample">
		<regTest title="The cone search finds an event">
			<url RA="326.48" DEC="44.26" SR="1" responseformat="votabletd">cone/scs.xml</url>
			<code>
				self.assertTrue("km3.44.6370.185.0" in [row["event_id"] for row in self.getVOTableRows()])
			</code>
		</regTest>
	</regSuite>
</resource>
