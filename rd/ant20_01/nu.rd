<!-- ANTARES 2007-2017: the point-source sample.

To change a column's description, unit or UCD, change it here and run
make import RELEASE=ant20_01. -->
<resource schema="ant20_01" resdir=".">
	<!-- Filled at deployment with a warning if the input is a simulated stand-in. -->
	<macDef name="simulated"></macDef>
	<meta name="title">ANTARES 2007-2017 neutrino events\simulated</meta>
	<meta name="description">The neutrino candidates of the neutrino telescope ANTARES from 2007
		to 2017, selected for the search of point-like cosmic sources: time, direction, angular
		error estimate and number of hits of 8,754 track-like events.\simulated</meta>
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
		2,475 m. It saw the Cherenkov light of muons that neutrinos make in the water or the rock
		below. This is the track-like event sample of its search for point-like sources, with a
		livetime of 3,136 days between January 2007 and December 2017. The method is described in
		`arXiv:1908.08248`__.

		__ https://arxiv.org/abs/1908.08248

		What the columns mean
		=====================

		beta is the error that the track fit itself estimates for the direction of the
		single event. The median angular resolution of the sample is 0.4 degrees. Positions and
		beta are given with one digit after the point, as published: do not look for structures
		smaller than 0.1 degrees.

		nhit is the number of light signals (hits) the track fit used. It grows with the energy
		and is the only energy proxy here; ANTARES gives no energy for the single event.

		mjd is the time of the event as Modified Julian Date in UTC. Four digits after the point
		are about 9 seconds.

		What is not there
		=================

		Only up-going events are selected: the Earth shields the detector from the muons of air
		showers. At the latitude of ANTARES (42.8 degrees north) a source is below the horizon all
		day if it is south of about -47 degrees declination and never if it is north of about
		+47 degrees; the selection reaches a few degrees above the horizon. The sample therefore
		thins out towards the north and ends at a declination of +53 degrees. A missing event in the northern sky says nothing about a source there.

		Most of the events are neutrinos that cosmic rays make in the atmosphere; on average one
		expects about one event per 3 square degrees in the southern sky. A single coincidence
		with a source is no discovery.
		]]></meta>

	<table id="main" onDisk="True" adql="True" primary="id" mixin="//scs#q3cindex">
		<meta name="title">ANTARES 2007-2017 neutrino events\simulated</meta>
		<meta name="description">Neutrino candidates of the ANTARES point-source search 2007-2017,
			one per row.\simulated</meta>
		<meta name="note" tag="beta">The error of the track fit for this event, given with one
			digit. The probability that the true direction lies within is not published; use the
			median resolution of the sample, 0.4 deg, for a containment of 50 %.</meta>
		<index columns="mjd"/>
		<index columns="nhit"/>
		<index name="origin_est" columns="origin_est" method="GIST"/>

		<!-- Only the space frame: with a time frame, DaCHS 2.7 fails on queries without mjd. -->
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
		<!-- The first six columns are those of the predecessor in TAP: "select *" and column
		numbers of old scripts keep working. New columns go to the end. -->
		<column name="mjd" tablehead="MJD" type="double precision" unit="d" ucd="time.epoch"
			required="True" verbLevel="1" displayHint="sf=4"
			description="Time of the event as Modified Julian Date, in UTC."/>
		<column name="beta" type="double precision" unit="deg" ucd="stat.error;pos"
			required="True" verbLevel="1" displayHint="sf=1" note="beta"
			description="Estimated angular error of the reconstructed direction.">
			<property name="fits">ang_err</property>
		</column>
		<column name="nhit" type="integer" ucd="meta.number;instr.det" required="True"
			verbLevel="1"
			description="Number of light signals in the photomultipliers that the track fit used;
				grows with the energy of the neutrino.">
			<property name="fits">n_hits</property>
		</column>
		<column name="ra" tablehead="RA" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
			required="True" verbLevel="1" displayHint="sf=1"
			description="Right ascension of the direction the neutrino came from (published as
				FK5 J2000; ICRS is the same at this precision)."/>
		<column name="decl" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
			required="True" verbLevel="1" displayHint="sf=1"
			description="Declination of the direction the neutrino came from (published as
				FK5 J2000; ICRS is the same at this precision).">
			<property name="fits">dec</property>
		</column>
		<column name="id" tablehead="ID" type="text" ucd="meta.id;meta.main" required="True" verbLevel="1"
			description="Identifier of the event: ANT and its running number in the public file.">
			<property name="fits">event_name</property>
		</column>
		<column name="origin_est" type="scircle" unit="deg" ucd="pos.outline"
			verbLevel="25"
			description="Circle with the radius beta around the direction, for INTERSECTS and
				CONTAINS.">
			<property name="computed">scircle(spoint(radians(ra), radians(decl)), radians(beta))</property>
		</column>
	</table>

	<coverage>
		<!-- The sky the selection reaches, declinations below +53 degrees; not only the places
		where there are events, as DaCHS would find out. -->
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
		<meta name="description">Neutrino candidates of ANTARES 2007-2017 around a position.
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
			<!-- The predecessor's cone search spells the names so. -->
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
		<regTest title="The predecessor's answer to a cone around (43, 35)">
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
		<regTest title="TAP knows the sample">
			<url parSet="TAP"
				QUERY="SELECT count(*) AS n FROM ant20_01.main WHERE nhit &gt; 150"
				>/__system__/tap/run/tap/sync</url>
			<code>
				self.assertEqual(self.getVOTableRows(), [{"n": 10}])
			</code>
		</regTest>
		<regTest title="The form says what the sample is">
			<url>cone/form</url>
			<code>
				self.assertHasStrings("ANTARES 2007-2017", "beta", "Position/Name")
			</code>
		</regTest>
		<regTest title="The product can be had through ObsCore's access_url">
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
