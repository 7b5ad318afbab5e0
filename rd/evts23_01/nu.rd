<!-- KM3-230213A: the ultra-high-energy event recorded by KM3NeT/ARCA with 21 detection units.

To change a column's description, unit or UCD, edit rd/km3net/common.rd, which declares the
columns shared by all samples, or this file for the others, and run
make import RELEASE=evts23_01. -->
<resource schema="evts23_01" resdir=".">
	<!-- Filled with a warning at deployment if the input is a simulated stand-in. -->
	<macDef name="simulated"></macDef>

	<meta name="title">KM3-230213A, an ultra-high-energy neutrino\simulated</meta>
	<meta name="description">The neutrino event KM3-230213A, recorded by KM3NeT/ARCA with 21 detection
		units on 13 February 2023: direction with containment radii, time and reconstructed muon
		energy.\simulated</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="creator">KM3NeT Collaboration</meta>
	<meta name="facility">KM3NeT</meta>
	<meta name="instrument">ARCA21</meta>
	<meta name="source">2025Natur.638..376K</meta>
	<meta name="doi">10.1038/s41586-024-08543-1</meta>
	<meta name="referenceURL">https://doi.org/10.1038/s41586-024-08543-1</meta>
	<FEED source="km3net/common#metadata"/>

	<meta name="_longdoc" format="rst"><![CDATA[
		\simulated

		What the sample is
		==================

		The most energetic neutrino observed so far, detected through a muon that crossed
		KM3NeT/ARCA almost horizontally. The data are those of the publication and of the VOEvent
		packet of the event.

		What the columns mean
		=====================

		energy is the reconstructed energy of the muon, 120 PeV. The energy of the neutrino is
		higher and depends on the assumed spectrum; for a flux proportional to the inverse square
		of the energy, the publication gives 220 PeV with a range from 72 PeV to 2.6 EeV at 90 %
		confidence.

		err_50, err_68, err_90 and err_99 are the radii of the circles around the position that
		contain the true direction with a probability of 50, 68, 90 and 99 %; they include the
		systematic uncertainty of the detector orientation. ang_err equals err_68.

		The time is given to the nearest second. The observation time is given in the
		publication.
		]]></meta>

	<table id="main" onDisk="True" adql="True" primary="event_id">
		<meta name="title">KM3-230213A, an ultra-high-energy neutrino\simulated</meta>
		<meta name="description">The event KM3-230213A.\simulated</meta>
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
		<FEED source="km3net/common#origin-columns" release="evts23_01" detector="ARCA21"/>
		<FEED source="km3net/common#event-indices"/>
	</table>

	<coverage>
		<updater sourceTable="main" mocOrder="6"/>
		<spatial/>
		<temporal>59988 59989</temporal>
		<spectral>1.1535671765e-2 4.1656592484e-1</spectral>
	</coverage>

	<FEED source="km3net/common#import"/>
	<FEED source="km3net/common#cone" title="KM3-230213A, an ultra-high-energy neutrino\simulated" shortName="KM3-230213A"
		testRA="94.3" testDec="-7.8"/>

	<regSuite title="KM3-230213A, an ultra-high-energy neutrino">
		<regTest title="The cone search finds an event">
			<url RA="94.3" DEC="-7.8" SR="1" responseformat="votabletd">cone/scs.xml</url>
			<code>
				self.assertTrue("KM3-230213A" in [row["event_id"] for row in self.getVOTableRows()])
			</code>
		</regTest>
	</regSuite>
</resource>
