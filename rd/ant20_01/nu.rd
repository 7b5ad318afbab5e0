<!-- ANTARES 2007-2017: the point-source sample.

To change a column's description, unit or UCD, change it here and run
make import RELEASE=ant20_01. -->
<resource schema="ant20_01" resdir=".">
	<!-- Filled with a warning at deployment if the input is a simulated stand-in. -->
	<macDef name="simulated"></macDef>
	<meta name="title">ANTARES 2007-2017 neutrino events\simulated</meta>
	<meta name="description">Neutrino candidates recorded by the ANTARES neutrino telescope from
		2007 to 2017 and selected for the search for point-like cosmic sources: time, direction,
		angular error estimate and number of hits of 8,754 track-like events.\simulated</meta>
	<meta name="creationDate">2020-05-20T00:00:00Z</meta>
	<meta name="creator">ANTARES Collaboration</meta>
	<meta name="facility">ANTARES</meta>
	<meta name="instrument">ANTARES</meta>
	<meta name="source">2018ApJ...863L..30A</meta>
	<meta name="doi">10.3847/2041-8213/aad8c0</meta>
	<meta name="referenceURL">https://antares.in2p3.fr/publicdata2017.html</meta>
	<FEED source="km3net/common#metadata"/>

	<meta name="_longdoc" format="rst"><![CDATA[
		\simulated

		What the sample is
		==================

		ANTARES was a neutrino telescope in the Mediterranean Sea, 40 km off Toulon at a depth of
		2,475 m. It detected the Cherenkov light of muons produced by neutrinos in the water or in
		the rock below. This is the track-like event sample of its search for point-like sources,
		with a livetime of 3,136 days between January 2007 and December 2017. The method is
		described in `arXiv:1908.08248`__.

		__ https://arxiv.org/abs/1908.08248

		What the columns mean
		=====================

		beta is the angular error of the individual event as estimated by the track fit. The
		median angular resolution of the sample is 0.4 degrees. Positions and beta are given to
		one decimal place, as published, so structures smaller than 0.1 degrees are not
		significant.

		nhit is the number of hits (light signals) used in the track fit. It increases with the
		energy of the neutrino and is the only energy proxy in this table: no energy estimate was
		published for individual events.

		mjd is the time of the event as a Modified Julian Date in UTC. Four decimal places
		correspond to about 9 seconds.

		What the sample does not contain
		================================

		Only up-going events are selected, because the Earth shields the detector from the muons
		produced in air showers. At the latitude of ANTARES (42.8 degrees north), a source is
		always below the horizon if its declination is south of about -47 degrees, and never if
		it is north of about +47 degrees; the selection extends a few degrees above the horizon.
		The density of events therefore decreases towards the north, and the sample ends at a
		declination of +53 degrees. The absence of events from the northernmost sky says nothing
		about a source there.

		Most of the events are neutrinos produced by cosmic rays in the atmosphere: on average
		there is about one event per 3 square degrees in the southern sky. A single coincidence
		with a source is therefore no evidence of an association.
		]]></meta>

	<table id="main" onDisk="True" adql="True" primary="id" mixin="//scs#q3cindex">
		<meta name="title">ANTARES 2007-2017 neutrino events\simulated</meta>
		<meta name="description">Neutrino candidates of the ANTARES point-source search 2007-2017,
			one per row.\simulated</meta>
		<meta name="note" tag="beta">The angular error of this event as estimated by the track fit,
			given to one decimal place. Its containment probability was not published; for a
			containment of 50 %, use the median resolution of the sample, 0.4 deg.</meta>
		<!-- What this table contributes to km3net.events in place of columns it does not have. -->
		<property name="common_topology">'track'</property>
		<property name="common_event_no">substr(id, 4)::bigint</property>
		<property name="common_detector">'ANTARES'</property>
		<index columns="mjd"/>
		<index columns="nhit"/>
		<index name="origin_est" columns="origin_est" method="GIST"/>

		<!-- Only a space frame: with a time frame, DaCHS 2.7 fails on queries without mjd. -->
		<dm>
			(stc2:Coords) {
				space: (stc2:Coord) {
					frame: (stc2:SpaceFrame) {
						orientation: ICRS
					}
					longitude: @ra
					latitude: @decl
				}
			}
		</dm>
		<!-- The first six columns are those of the earlier service in TAP, so that "select *" and
		column numbers in existing scripts keep working. New columns are added at the end. -->
		<column name="mjd" tablehead="MJD" type="double precision" unit="d" ucd="time.epoch"
			required="True" verbLevel="1" displayHint="sf=4"
			description="Time of the event (MJD, UTC)."/>
		<column name="beta" type="double precision" unit="deg" ucd="stat.error;pos"
			required="True" verbLevel="1" displayHint="sf=1" note="beta"
			description="Angular error of the arrival direction, as estimated by the track fit.">
			<property name="fits">ang_err</property>
		</column>
		<column name="nhit" type="integer" ucd="meta.number;instr.det" required="True"
			verbLevel="1"
			description="Number of hits (light signals in the photomultipliers) used in the track
				fit; increases with the energy of the neutrino.">
			<property name="fits">n_hits</property>
		</column>
		<column name="ra" tablehead="RA" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
			required="True" verbLevel="1" displayHint="sf=1"
			description="Right ascension of the arrival direction (published in FK5 J2000, which
				equals ICRS at this precision)."/>
		<column name="decl" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
			required="True" verbLevel="1" displayHint="sf=1"
			description="Declination of the arrival direction (published in FK5 J2000, which
				equals ICRS at this precision).">
			<property name="fits">dec</property>
		</column>
		<column name="id" tablehead="ID" type="text" ucd="meta.id;meta.main" required="True" verbLevel="1"
			description="Event identifier: ANT followed by the running number in the public file.">
			<property name="fits">event_name</property>
		</column>
		<column name="origin_est" type="scircle" unit="deg" ucd="pos.outline"
			verbLevel="25"
			description="Circle of radius beta around the arrival direction, for use with
				INTERSECTS and CONTAINS.">
			<property name="computed">scircle(spoint(radians(ra), radians(decl)), radians(beta))</property>
		</column>
	</table>

	<coverage>
		<!-- The sky accessible to the selection, which is all declinations below +53 degrees, and
		not only the cells with events, which DaCHS would determine. -->
		<spatial>
			0/4-11
			1/0,4,8,12
			2/4-6,8-10,20-22,24-26,36-38,40-42,52-54,56-58
			3/28,44,48,92,108,112,156,172,176,220,236,240
			4/116,120,180,184,196,200,372,376,436,440,452,456,628,632,692,696,708,
			712,884,888,948,952,964,968
			5/468,472,484,488,724,728,740,744,788,792,804,808,1492,1496,1508,1512,
			1748,1752,1764,1768,1812,1816,1828,1832,2516,2520,2532,2536,2772,2776,
			2788,2792,2836,2840,2852,2856,3540,3544,3556,3560,3796,3800,3812,3816,
			3860,3864,3876,3880
			6/
		</spatial>
		<temporal>54129 58119</temporal>
		<spectral>1.602176634e-8 1.602176634e-2</spectral>
	</coverage>

	<FEED source="km3net/common#import"/>

	<service id="cone" allowed="form,scs.xml">
		<meta name="title">ANTARES 2007-2017 cone search\simulated</meta>
		<meta name="shortName">ANTARES 20_01</meta>
		<meta name="description">ANTARES neutrino candidates from 2007 to 2017 within a given distance
			of a position.
			\simulated</meta>
		<meta name="testQuery">
			<meta name="ra">43.3</meta>
			<meta name="dec">35.8</meta>
			<meta name="sr">0.5</meta>
		</meta>
		<FEED source="km3net/common#structured-data"/>
		<publish render="scs.xml" sets="ivo_managed"/>
		<publish render="form" sets="local,ivo_managed"/>
		<scsCore queriedTable="main">
			<FEED source="//scs#coreDescs"/>
			<condDesc buildFrom="mjd"/>
			<condDesc buildFrom="nhit"/>
			<!-- The names are those of the earlier cone search. -->
			<outputTable>
				<stc>Time UTC "MJD" Position ICRS "RA" "Decl"</stc>
				<outputField original="main.mjd" name="MJD"/>
				<outputField original="main.beta" name="Beta"/>
				<outputField original="main.nhit" name="Nhit"/>
				<outputField original="main.ra" name="RA"/>
				<outputField original="main.decl" name="Decl"/>
				<outputField original="main.id" name="ID"/>
				<outputField original="main.origin_est"/>
			</outputTable>
		</scsCore>
	</service>

	<regSuite title="ANTARES 2007-2017">
		<regTest title="The cone search around (43, 35) returns what the earlier service did">
			<url RA="43" DEC="35" SR="3" responseformat="votabletd">cone/scs.xml</url>
			<code>
				rows = self.getVOTableRows()
				self.assertEqual(
					[r["ID"] for r in sorted(rows, key=lambda r: r["_r"])],
					["ANT3412", "ANT7402", "ANT3846", "ANT0366"])
				nearest = min(rows, key=lambda r: r["_r"])
				self.assertEqual(
					(nearest["MJD"], nearest["Beta"], nearest["Nhit"], nearest["RA"], nearest["Decl"]),
					(55592.169, 0.3, 48, 43.3, 35.8))
			</code>
		</regTest>
		<regTest title="TAP serves the sample">
			<url parSet="TAP"
				QUERY="SELECT count(*) AS n FROM ant20_01.main WHERE nhit &gt; 150"
				>/__system__/tap/run/tap/sync</url>
			<code>
				self.assertEqual(self.getVOTableRows(), [{"n": 10}])
			</code>
		</regTest>
		<regTest title="The form describes the sample">
			<url>cone/form</url>
			<code>
				self.assertHasStrings("ANTARES 2007-2017", "beta", "Position/Name")
			</code>
		</regTest>
		<regTest title="ObsCore's access_url leads to the data product">
			<url parSet="TAP"
				QUERY="SELECT access_url, em_min, em_max FROM ivoa.obscore WHERE obs_collection='ANTARES-2017-PS'"
				>/__system__/tap/run/tap/sync</url>
			<code>
				(row,) = self.getVOTableRows()
				self.assertTrue(row["access_url"].endswith("/getproduct/ant20_01/data/ant20_01.fits"))
				self.assertAlmostEqual(row["em_max"] / 1.239841984e-17, 1)
			</code>
		</regTest>
	</regSuite>
</resource>
