<!-- KM3NeT/ORCA with 4 detection units: a sample of events.

To change a column's description, unit or UCD: the columns all samples share are in
rd/km3net/common.rd. Then run make import RELEASE=evts20_01. -->
<resource schema="evts20_01" resdir=".">
	<!-- Filled at deployment with a warning if the input is a simulated stand-in. -->
	<macDef name="simulated"></macDef>

	<meta name="title">KM3NeT/ORCA4 event sample\simulated</meta>
	<meta name="description">A sample of 2,498 reconstructed events of the neutrino telescope KM3NeT/ORCA with 4
		detection units: time, direction, angular error, energy and quality. Nearly all are
		atmospheric muons.\simulated</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="creator">KM3NeT Collaboration</meta>
	<meta name="facility">KM3NeT</meta>
	<meta name="instrument">ORCA4</meta>
	<!-- No DOI: public test data, without a publication of their own. -->
	<meta name="referenceURL">https://www.km3net.org</meta>
	<FEED source="km3net/common#metadata"/>

	<meta name="_longdoc" format="rst"><![CDATA[
		\simulated

		What the sample is
		==================

		The first 2,498 events with a reconstructed track of one data taking run of KM3NeT/ORCA
		with 4 detection units: seven minutes of data. It is no selection for neutrinos: nearly
		all events are muons from air showers above the detector. Fewer than one in ten are
		reconstructed as coming up through the Earth (zenith above 90 degrees), and most of
		these are muons whose direction was missed. Use it to learn how KM3NeT's data look, and
		to try programs, not to look for sources.

		What the columns mean
		=====================

		ang_err is the error the track fit estimates for its direction; it may be large, or not
		given, where the fit did not converge. energy is that of the muon as the energy fit has
		it; it is not calibrated for muon bundles. likelihood is the quality of the track fit;
		small or negative values are bad fits. Positions are those of a straight line through the
		detector, back to the sky: for a muon from an air shower that is where the shower came
		from.
		]]></meta>

	<table id="main" onDisk="True" adql="True" primary="event_id">
		<meta name="title">KM3NeT/ORCA4 event sample\simulated</meta>
		<meta name="description">Reconstructed events of KM3NeT/ORCA4, run 6370, one per row.\simulated</meta>
		<FEED source="km3net/common#event-columns"/>
		<FEED source="km3net/common#origin-columns" release="evts20_01" detector="ORCA4"/>
		<FEED source="km3net/common#event-indices"/>
	</table>

	<coverage>
		<!-- Muons and neutrinos come from all directions. -->
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
