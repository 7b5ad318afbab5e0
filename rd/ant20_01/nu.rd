<!-- ANTARES 2007-2017: the point-source sample.

What is said about it is in inputs/ant20_01; its columns are declared here. After a change:
make import RELEASE=ant20_01 -->
<resource schema="ant20_01" resdir=".">
	<FEED source="ant20_01/about#metadata"/>

	<table id="main" onDisk="True" primary="id" mixin="//scs#q3cindex">
		<FEED source="ant20_01/about#table"/>
		<meta name="note" tag="beta">The angular error of this event as estimated by the track fit,
			given to one decimal place. Its containment probability was not published; for a
			containment of 50 %, use the median resolution of the sample, 0.4 deg.</meta>
		<!-- What this table contributes to km3net.events in place of columns it does not have. -->
		<property name="common_topology">'track'</property>
		<property name="common_event_no">substr(id, 4)::bigint</property>
		<property name="common_detector">'ANTARES'</property>
		<index columns="mjd"/>
		<index columns="nhit"/>
		<FEED source="km3net/common#circle-index"/>

		<!-- Not <stc>: fields of the cone search with other names could then have no frame. Only a
		space frame: with a time frame, DaCHS 2.7 fails on queries without mjd. -->
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
		<!-- The same for DaCHS 2.11, which no longer knows stc2. -->
		<dm>
			(votable:Coords) {
				space: {
					frame: {
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
		<column name="beta" tablehead="Angular error" type="double precision" unit="deg" ucd="stat.error;pos"
			required="True" verbLevel="1" displayHint="sf=1" note="beta"
			description="Angular error of the arrival direction, as estimated by the track fit.">
			<property name="fits">ang_err</property>
		</column>
		<column name="nhit" tablehead="Hits" type="integer" ucd="meta.number;instr.det" required="True"
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

	<FEED source="km3net/common#import"/>

	<service id="cone" allowed="form,scs.xml">
		<FEED source="ant20_01/about#cone"/>
		<FEED source="km3net/common#structured-data"/>
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

	<FEED source="ant20_01/about#limits"/>

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
		<regTest title="The service of limits counts the events around HESS J0632+057">
			<url RA="98.24" DEC="5.81" SR="1" RESPONSEFORMAT="votabletd">ps/api</url>
			<code>
				row = self.getVOTableRows()[0]
				self.assertEqual(row["n_obs"], 1)
				self.assertAlmostEqual(row["n_bkg"], 0.559, 3)
				self.assertHasStrings("ANT3969")
			</code>
		</regTest>
		<regTest title="The service of limits says what is wrong with a request">
			<url RA="98.24" DEC="80">ps/api</url>
			<code>
				self.assertHasStrings('value="ERROR"', "sees no source")
			</code>
		</regTest>
		<regTest title="The service of limits takes a region">
			<url MOC="3/1,4-6" RESPONSEFORMAT="votabletd">region/api</url>
			<code>
				self.assertEqual(self.getVOTableRows()[0]["n_obs"], 28)
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
				QUERY="SELECT access_url, em_min, em_max FROM ivoa.obscore WHERE obs_id='ant20_01/1' AND access_format='application/fits'"
				>/__system__/tap/run/tap/sync</url>
			<code>
				(row,) = self.getVOTableRows()
				self.assertTrue(row["access_url"].endswith("/getproduct/ant20_01/data/ant20_01.fits"))
				self.assertAlmostEqual(row["em_max"] / 1.239841984e-17, 1)
			</code>
		</regTest>
	</regSuite>
	<FEED source="ant20_01/about#tests"/>
</resource>
