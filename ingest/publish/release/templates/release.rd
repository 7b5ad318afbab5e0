<!-- The release $name.

To change a column's description, unit or UCD, edit rd/km3net/common.rd, which declares the
columns shared by all samples, and run make import RELEASE=$name. -->
<resource schema="$name" resdir=".">
	<!-- Filled with a warning at deployment if the input is a simulated stand-in. -->
	<macDef name="simulated"></macDef>

	<meta name="title">$title\simulated</meta>
	<meta name="description">$description\simulated</meta>
	<meta name="creationDate">$today</meta>
	<meta name="creator">$creator</meta>
	<meta name="facility">$facility</meta>
	<meta name="instrument">$instrument</meta>
	<meta name="doi">$doi</meta>
	<meta name="referenceURL">$reference</meta>
	<FEED source="km3net/common#metadata"/>

	<meta name="_longdoc" format="rst"><![CDATA[
		\simulated

		What the sample is
		==================

		$selection

		What the columns mean
		=====================

		$columns
		]]></meta>

	<table id="main" onDisk="True" adql="True" primary="event_id">
		<meta name="title">$title\simulated</meta>
		<meta name="description">Reconstructed events of $instrument$runs, one per row.\simulated</meta>
		<FEED source="km3net/common#event-columns"/>
		<FEED source="km3net/common#origin-columns" release="$name" detector="$instrument"/>
		<FEED source="km3net/common#event-indices"/>
	</table>

	<coverage>
		<!-- The sky from which the sample can have events, as a MOC; here the whole sky. -->
		<spatial>0/0-11 6/</spatial>
		<temporal>$temporal</temporal>
		<spectral>$spectral</spectral>
	</coverage>

	<FEED source="km3net/common#import"/>
	<FEED source="km3net/common#cone" title="$title\simulated" shortName="$short_name"
		testRA="$ra" testDec="$dec"/>

	<regSuite title="$title">
		<regTest title="The cone search finds an event">
			<url RA="$ra" DEC="$dec" SR="1" responseformat="votabletd">cone/scs.xml</url>
			<code>
				self.assertTrue("$event" in [row["event_id"] for row in self.getVOTableRows()])
			</code>
		</regTest>
	</regSuite>
</resource>
