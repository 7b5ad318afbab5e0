<!-- The instrument responses of all releases as tables, one per kind of response. They are filled
from the files that releases publish, again at each import: dachs imp irf/nu -->
<resource schema="irf" resdir=".">
	<meta name="title">Instrument responses of KM3NeT and ANTARES</meta>
	<meta name="description">Instrument responses of the neutrino telescopes KM3NeT and ANTARES as
		tables with one row per bin: effective area, energy dispersion, point-spread function,
		background rate, acceptance and background function. With them, a flux is converted to the
		number of events that it causes in a sample.</meta>
	<meta name="_longdoc" format="rst"><![CDATA[
The rows of all releases are in the same table: select those of one response by the columns
release and response. Edges of bins are in the columns whose names end in _lo and _hi; a bin
contains its lower edge.

A response that does not depend on the zenith angle has one bin from 0 to 180 degrees. Other axes that
a response does not have are NULL.

The products from which the rows come, also in the GADF format that gammapy reads, are in
ivoa.obscore as response-function, and in the DataLink of each event list as #calibration.
]]></meta>
	<meta name="creationDate">2026-11-27T00:00:00Z</meta>
	<meta name="creator">KM3NeT Collaboration; ANTARES Collaboration</meta>
	<meta name="facility">KM3NeT</meta>
	<meta name="facility">ANTARES</meta>
	<meta name="referenceURL">https://www.km3net.org</meta>
	<FEED source="km3net/common#metadata"/>
	<!-- The union of the coverages of all releases with responses, made at deployment. -->
	<FEED source="irf/about#coverage"/>

	<STREAM id="keys">
		<doc>The first columns of every table.</doc>
		<index columns="release, response"/>
		<column name="release" type="text" ucd="meta.dataset" required="True" verbLevel="1"
			description="Release that publishes the response."/>
		<column name="response" type="text" ucd="meta.id;meta.main" required="True" verbLevel="1"
			description="Name of the response in its release: that of its file, without extension."/>
	</STREAM>

	<STREAM id="energy-true">
		<column name="energy_true_lo" tablehead="Energy from" type="real" unit="GeV"
			ucd="phys.energy;stat.min" required="True" verbLevel="1" displayHint="sf=3"
			description="Lower edge of the bin of the energy of the neutrino."/>
		<column name="energy_true_hi" tablehead="Energy to" type="real" unit="GeV"
			ucd="phys.energy;stat.max" required="True" verbLevel="1" displayHint="sf=3"
			description="Upper edge of the bin of the energy of the neutrino."/>
	</STREAM>

	<STREAM id="energy-reco">
		<column name="energy_reco_lo" tablehead="Rec. energy from" type="real" unit="GeV"
			ucd="phys.energy;stat.min" verbLevel="1" displayHint="sf=3"
			description="Lower edge of the bin of the reconstructed energy; NULL if the response
				does not depend on it."/>
		<column name="energy_reco_hi" tablehead="Rec. energy to" type="real" unit="GeV"
			ucd="phys.energy;stat.max" verbLevel="1" displayHint="sf=3"
			description="Upper edge of the bin of the reconstructed energy; NULL if the response
				does not depend on it."/>
	</STREAM>

	<STREAM id="zenith">
		<column name="zenith_lo" tablehead="Zenith from" type="real" unit="deg"
			ucd="pos.az.zd;stat.min" verbLevel="1" displayHint="sf=1"
			description="Lower edge of the bin of the zenith angle from which the particle came: 0 is
				vertically down-going, 180 deg vertically up-going."/>
		<column name="zenith_hi" tablehead="Zenith to" type="real" unit="deg"
			ucd="pos.az.zd;stat.max" verbLevel="1" displayHint="sf=1"
			description="Upper edge of the bin of the zenith angle from which the particle came: 0 is
				vertically down-going, 180 deg vertically up-going."/>
	</STREAM>

	<STREAM id="declination">
		<column name="dec_lo" tablehead="Dec from" type="real" unit="deg"
			ucd="pos.eq.dec;stat.min" verbLevel="1" displayHint="sf=2"
			description="Lower edge of the bin of the declination; NULL if the response does not
				depend on it."/>
		<column name="dec_hi" tablehead="Dec to" type="real" unit="deg"
			ucd="pos.eq.dec;stat.max" verbLevel="1" displayHint="sf=2"
			description="Upper edge of the bin of the declination; NULL if the response does not
				depend on it."/>
	</STREAM>

	<table id="aeff" onDisk="True" adql="True">
		<meta name="title">Effective areas</meta>
		<meta name="description">Effective area by energy and zenith angle: the flux of neutrinos times
			this area, integrated over energy, is the rate of selected events. The description of the
			release says which flavours and interactions it includes, and whether the flux is that of
			neutrinos and antineutrinos together.</meta>
		<FEED source="keys"/>
		<FEED source="energy-true"/>
		<FEED source="zenith"/>
		<column name="aeff" tablehead="Effective area" type="double precision" unit="m**2"
			ucd="phys.area;instr.det" required="True" verbLevel="1" displayHint="sf=4"
			description="Effective area for neutrinos in this bin."/>
	</table>

	<table id="edisp" onDisk="True" adql="True">
		<meta name="title">Energy dispersions</meta>
		<meta name="description">Probability of a reconstructed energy, given the energy and the zenith
			angle of the neutrino. The reconstructed energy is binned itself or, in other
			releases, as its ratio to the true one.</meta>
		<FEED source="keys"/>
		<FEED source="energy-true"/>
		<FEED source="zenith"/>
		<column name="migration_lo" tablehead="Migration from" type="real"
			ucd="phys.energy;arith.ratio;stat.min" verbLevel="1" displayHint="sf=3"
			description="Lower edge of the bin of the ratio of the reconstructed to the true
				energy; NULL if the response is binned in the reconstructed energy."/>
		<column name="migration_hi" tablehead="Migration to" type="real"
			ucd="phys.energy;arith.ratio;stat.max" verbLevel="1" displayHint="sf=3"
			description="Upper edge of the bin of the ratio of the reconstructed to the true
				energy; NULL if the response is binned in the reconstructed energy."/>
		<FEED source="energy-reco"/>
		<column name="probability" type="double precision" ucd="stat.probability" required="True"
			verbLevel="1" displayHint="sf=5"
			description="Probability that the reconstructed energy of a selected event is in this
				bin."/>
	</table>

	<table id="psf" onDisk="True" adql="True">
		<meta name="title">Point-spread functions</meta>
		<meta name="description">Probability per solid angle of a reconstructed direction at an angle
			from the true one, given the energy and the zenith angle of the neutrino.</meta>
		<FEED source="keys"/>
		<FEED source="energy-true"/>
		<FEED source="zenith"/>
		<column name="radius_lo" tablehead="Distance from" type="real" unit="deg"
			ucd="pos.angDistance;stat.min" required="True" verbLevel="1" displayHint="sf=3"
			description="Lower edge of the bin of the angle between the reconstructed and the true
				direction."/>
		<column name="radius_hi" tablehead="Distance to" type="real" unit="deg"
			ucd="pos.angDistance;stat.max" required="True" verbLevel="1" displayHint="sf=3"
			description="Upper edge of the bin of the angle between the reconstructed and the true
				direction."/>
		<column name="density" type="double precision" unit="sr**-1" ucd="instr.det.psf"
			required="True" verbLevel="1" displayHint="sf=5"
			description="Probability per solid angle of a reconstructed direction in this ring."/>
	</table>

	<table id="bkgrate" onDisk="True" adql="True">
		<meta name="title">Background rates</meta>
		<meta name="description">Rate of background events per reconstructed energy and solid angle, by
			zenith angle or by declination. Background of several kinds, such as
			atmospheric neutrinos and muons, is in separate responses, to be added.</meta>
		<FEED source="keys"/>
		<FEED source="energy-reco"/>
		<FEED source="zenith"/>
		<FEED source="declination"/>
		<column name="rate" tablehead="Background rate" type="double precision"
			unit="GeV**-1.sr**-1.s**-1" ucd="arith.rate;instr.background" required="True"
			verbLevel="1" displayHint="sf=4"
			description="Rate of background events per energy and solid angle in this bin."/>
	</table>

	<table id="acceptance" onDisk="True" adql="True">
		<meta name="title">Acceptances</meta>
		<meta name="description">Expected number of events from a point source with a power-law spectrum,
			divided by its flux at 1 GeV: the effective area, weighted with the spectrum and
			integrated over energy and livetime, by spectral index and declination.</meta>
		<FEED source="keys"/>
		<column name="spectral_index" tablehead="Index" type="real" ucd="spect.index" required="True"
			verbLevel="1" displayHint="sf=1"
			description="Spectral index γ of a flux proportional to E^-γ."/>
		<FEED source="declination"/>
		<column name="acceptance" type="double precision" unit="GeV.cm**2.s"
			ucd="instr.sensitivity" required="True" verbLevel="1" displayHint="sf=4"
			description="Expected number of events for a flux of 1 GeV^-1 cm^-2 s^-1 at 1 GeV, for one
				flavour."/>
	</table>

	<table id="background" onDisk="True" adql="True">
		<meta name="title">Background functions</meta>
		<meta name="description">Polynomials that give the number of events of a sample below a
			declination: the sum over all degrees of the coefficient times the declination in
			degrees to the power of the degree.</meta>
		<FEED source="keys"/>
		<column name="degree" type="smallint" ucd="meta.number" required="True" verbLevel="1"
			description="Power of the declination in degrees that the coefficient belongs to."/>
		<column name="coefficient" type="double precision" ucd="stat.fit.param" required="True"
			verbLevel="1"
			description="Coefficient of the polynomial: number of events per deg to the power of the
				degree."/>
	</table>

	<data id="responses">
		<publish sets="ivo_managed"/>
		<!-- one source: the grammar finds the files of all releases -->
		<sources>nu.rd</sources>
		<customGrammar module="load"/>
		<make table="aeff"/>
		<make table="edisp"/>
		<make table="psf"/>
		<make table="bkgrate"/>
		<make table="acceptance"/>
		<make table="background"/>
	</data>

	<table id="expected_bins">
		<meta name="title">Bins of energy</meta>
		<meta name="description">Exposure and expected events in the bins of the effective
			area.</meta>
		<column name="energy_true_lo" tablehead="Energy from" type="double precision" unit="GeV"
			ucd="phys.energy;stat.min" verbLevel="1"
			description="Lower edge of the bin of the energy of the neutrino."/>
		<column name="energy_true_hi" tablehead="Energy to" type="double precision" unit="GeV"
			ucd="phys.energy;stat.max" verbLevel="1"
			description="Upper edge of the bin of the energy of the neutrino."/>
		<column name="exposure" tablehead="Exposure" type="double precision" unit="cm**2.s"
			ucd="phys.area;instr.det" verbLevel="1"
			description="Effective area at the source, integrated over the livetime; a flux times it
				is a number of events."/>
		<column name="n_sig" tablehead="Signal" type="double precision"
			ucd="meta.number;phys.particle.neutrino" verbLevel="1" displayHint="sf=4"
			description="Expected number of events of the source, at any distance from it."/>
		<column name="n_sig_inside" tablehead="Signal inside" type="double precision"
			ucd="meta.number;phys.particle.neutrino" verbLevel="1" displayHint="sf=4"
			description="Expected number of events of the source within the radius; NULL without a
				point-spread function."/>
	</table>

	<service id="expected" allowed="form,api">
		<meta name="title">Expected events of a neutrino source</meta>
		<meta name="shortName">KM3NeT expected</meta>
		<meta name="description">Expected events of a point source in KM3NeT, and background around it,
			for a power-law flux with or without an exponential cutoff. The zenith angle of the source
			changes over the sidereal day; the livetime is assumed to be spread evenly over it. Parameters: RELEASE, the release of responses; DEC, the declination in degrees;
			NORM, INDEX and CUTOFF of the flux; LIVETIME in days; SR, the radius in degrees; EMIN, the
			lowest reconstructed energy of the background.</meta>
		<publish render="api" sets="ivo_managed"/>
		<publish render="form" sets="local,ivo_managed"/>
		<FEED source="km3net/limits#page"/>
		<pythonCore>
			<inputTable>
				<inputKey name="RELEASE" type="text" ucd="meta.dataset" multiplicity="forced-single"
					tablehead="Responses" std="True"
					description="Release of the responses, such as irf_arca230 or irf_arca115; those
						in irf.aeff.">irf_arca230<property name="defaultForForm"
						>irf_arca230</property></inputKey>
				<inputKey name="DEC" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
					multiplicity="forced-single" tablehead="Dec" std="True"
					description="Declination (ICRS) of the source."/>
				<inputKey name="NORM" type="double precision" unit="GeV**-1.cm**-2.s**-1"
					ucd="phot.flux.density;phys.particle.neutrino" multiplicity="forced-single"
					tablehead="Flux" std="True"
					description="Flux dN/dE at 1 GeV, of neutrinos and antineutrinos of one
						flavour.">1e-8<property name="defaultForForm">1e-8</property></inputKey>
				<inputKey name="INDEX" type="double precision" ucd="spect.index"
					multiplicity="forced-single" tablehead="Spectral index" std="True"
					description="Spectral index γ of the source, where the flux is proportional to
						E^-γ.">2.0<property name="defaultForForm">2.0</property></inputKey>
				<inputKey name="CUTOFF" type="double precision" unit="GeV" ucd="phys.energy"
					multiplicity="forced-single" tablehead="Cutoff"
					description="Energy at which the flux is cut off exponentially; if missing, it is
						not."/>
				<inputKey name="LIVETIME" type="double precision" unit="d" ucd="time.duration"
					multiplicity="forced-single" tablehead="Livetime" std="True"
					description="Time during which the detector takes data.">365.25<property
						name="defaultForForm">365.25</property></inputKey>
				<inputKey name="SR" type="double precision" unit="deg" ucd="pos.angDistance"
					multiplicity="forced-single" tablehead="Radius" std="True"
					description="Radius of the circle around the source in which events are counted,
						between 0 and 90.">1.0<property name="defaultForForm">1.0</property></inputKey>
				<inputKey name="EMIN" type="double precision" unit="GeV" ucd="phys.energy;stat.min"
					multiplicity="forced-single" tablehead="Lowest energy"
					description="Lowest reconstructed energy of the background that is counted. It does
						not change the signal.">0<property name="defaultForForm">0</property></inputKey>
			</inputTable>
			<outputTable id="expected_answer">
				<meta name="title">Answer</meta>
				<outputField name="release" type="text" ucd="meta.dataset" verbLevel="1"
					tablehead="Responses" description="Release of the responses."/>
				<outputField name="dec" type="double precision" unit="deg"
					ucd="pos.eq.dec;meta.main" verbLevel="1" tablehead="Dec" displayHint="sf=4"
					description="Declination (ICRS) of the source."/>
				<outputField name="norm" type="double precision" unit="GeV**-1.cm**-2.s**-1"
					ucd="phot.flux.density;phys.particle.neutrino" verbLevel="1" tablehead="Flux"
					description="Flux dN/dE at 1 GeV, of neutrinos and antineutrinos of one flavour.">
					<formatter>return "" if data is None else "%.3g"%data</formatter>
				</outputField>
				<outputField name="index" type="double precision" ucd="spect.index" verbLevel="1"
					tablehead="Spectral index" displayHint="sf=2"
					description="Spectral index γ of the source, where the flux is proportional to
						E^-γ."/>
				<outputField name="cutoff" type="double precision" unit="GeV" ucd="phys.energy"
					verbLevel="1" tablehead="Cutoff" displayHint="sf=0"
					description="Energy at which the flux is cut off exponentially; NULL without a
						cutoff."/>
				<outputField name="livetime" type="double precision" unit="d" ucd="time.duration"
					verbLevel="1" tablehead="Livetime" displayHint="sf=2"
					description="Time during which the detector takes data."/>
				<outputField name="radius" type="double precision" unit="deg" ucd="pos.angDistance"
					verbLevel="1" tablehead="Radius" displayHint="sf=2"
					description="Radius of the circle around the source."/>
				<outputField name="energy_min" type="double precision" unit="GeV"
					ucd="phys.energy;stat.min" verbLevel="10" tablehead="Lowest energy"
					displayHint="sf=1"
					description="Lowest reconstructed energy of the background that is counted."/>
				<outputField name="n_sig" type="double precision"
					ucd="meta.number;phys.particle.neutrino" verbLevel="1" tablehead="Signal"
					displayHint="sf=3"
					description="Expected number of events of the source, of all energies and at any
						distance from it."/>
				<outputField name="n_sig_inside" type="double precision"
					ucd="meta.number;phys.particle.neutrino" verbLevel="1"
					tablehead="Signal inside" displayHint="sf=3"
					description="Expected number of events of the source within the radius, by the
						point-spread function; NULL if the release has none."/>
				<outputField name="n_bkg" type="double precision"
					ucd="meta.number;instr.background" verbLevel="1" tablehead="Background"
					displayHint="sf=3"
					description="Expected number of background events within the radius, the sum over
						all backgrounds of the release; NULL if it has none."/>
				<outputField name="up_going" type="double precision" ucd="time.duration;arith.ratio"
					verbLevel="10" tablehead="Below the horizon" displayHint="sf=3"
					description="Fraction of the sidereal day in which the source is below the
						horizon, so that its neutrinos cross the Earth."/>
				<outputField name="remark" type="text" ucd="meta.note" verbLevel="1"
					tablehead="Remark" description="Why values are missing."/>
			</outputTable>
			<coreProc>
				<setup imports="os">
					<code>
						from gavo import utils
						expected, _ = utils.loadPythonModule(os.path.join(
							base.getConfig("inputsDir"), "irf", "expected"))
					</code>
				</setup>
				<code>
					return expected.run(self, service, inputTable, queryMeta)
				</code>
			</coreProc>
		</pythonCore>
	</service>

	<regSuite title="Instrument responses as tables">
		<regTest title="The tables can be queried">
			<url parSet="TAP"
				QUERY="SELECT count(DISTINCT release) AS n FROM irf.aeff"
				>/__system__/tap/run/tap/sync</url>
			<code>
				self.assertTrue(self.getVOTableRows()[0]["n"] >= 0)
			</code>
		</regTest>
		<regTest title="The service of expected events names the parameter that is wrong">
			<url DEC="100">expected/api</url>
			<code>
				self.assertHasStrings('value="ERROR"', "from -90 to 90")
			</code>
		</regTest>
	</regSuite>
</resource>
