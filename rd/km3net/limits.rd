<!-- Services that say what a sample of events means for a source or a region of the sky: numbers of
events, background, intervals and limits on the flux. A release with an acceptance and a background
polynomial gets them by

	<FEED source="…/about#limits"/>

which ingest/events/about.py writes from the manifest. The numbers are defined in docs/limits.md. This
resource itself publishes nothing. -->
<resource schema="km3net" resdir=".">
	<meta name="title">Shared definitions of limits</meta>
	<meta name="description">Definitions that the resource descriptors of releases include.</meta>
	<meta name="creationDate">2026-11-27T00:00:00Z</meta>
	<meta name="subject">neutrino-astronomy</meta>

	<STREAM id="page">
		<doc>The page of a service: its form, with answers or without.</doc>
		<template key="form">../km3net/limits.html</template>
		<template key="response">../km3net/limits.html</template>
		<customRF name="answers"><![CDATA[
			import math
			from gavo.web import htmltable
			primary, parts = self.result.getPrimaryTable(), []
			for table in [primary, *(one for one in self.result if one is not primary)]:
				# in tables that are no output tables, columns have no formatters for such numbers
				plain = {column.name for column in table.tableDef if not column.displayHint}
				for row in table.rows:
					for name, value in row.items():
						if not isinstance(value, float) or math.isnan(value):
							continue
						if table is not primary and name in plain:
							usual = value == 0 or 1e-3 <= abs(value) < 1e5
							row[name] = ("%.4g" if usual else "%.2e") % value
						elif abs(value) < 1e-3:
							row[name] = float("%.3g" % value)
				if table is not primary:
					parts.append(T.h2[base.getMetaText(table, "title")])
				if table is primary and len(table) == 1:
					parts.append(htmltable.HTMLKeyValueFragment(table, self.queryMeta))
				elif len(table):
					parts.append(htmltable.HTMLTableFragment(table, self.queryMeta))
				else:
					parts.append(T.p["None."])
			return T.div[parts]
		]]></customRF>
	</STREAM>

	<STREAM id="parameters">
		<doc>Parameters that all these services have.</doc>
		<inputKey name="INDEX" type="text" multiplicity="forced-single" ucd="spect.index"
			tablehead="Spectral index" std="True"
			description="Spectral index γ of the source, where the flux is proportional to E^-γ: from
				1.5 to 3.0. \indexrange">2.0<property name="defaultForForm">2.0</property></inputKey>
		<inputKey name="CONFIDENCE" type="double precision" multiplicity="forced-single"
			ucd="stat.confidenceLevel" tablehead="Confidence" std="True"
			description="Confidence level of intervals, limits and sensitivities, between 0 and 1."
			>0.9<property name="defaultForForm">0.9</property></inputKey>
	</STREAM>

	<STREAM id="index">
		<doc>The spectral index for which fluxes are given.</doc>
		<outputField name="index" type="double precision" ucd="spect.index" verbLevel="1"
			tablehead="Spectral index" displayHint="sf=1"
			description="Spectral index γ of the source, where the flux is proportional to
				E^-γ."/>
	</STREAM>

	<STREAM id="confidence">
		<doc>The confidence of an answer.</doc>
		<outputField name="confidence" type="double precision" ucd="stat.confidenceLevel"
			verbLevel="10" tablehead="Confidence" displayHint="sf=3"
			description="Confidence level of intervals, limits and sensitivities."/>
	</STREAM>

	<STREAM id="remark">
		<doc>The last column of answers.</doc>
		<outputField name="remark" type="text" ucd="meta.note" verbLevel="1"
			tablehead="Remark"
			description="Why values are missing, or what to be aware of."/>
	</STREAM>

	<STREAM id="counts">
		<doc>Events, background and signal inside, which circles and regions have in common.</doc>
		<outputField name="n_obs" type="integer" ucd="meta.number;phys.particle.neutrino" verbLevel="1"
			tablehead="Observed"
			description="Number of events observed inside.">
			<values nullLiteral="-1"/>
		</outputField>
		<outputField name="n_bkg" type="double precision" ucd="meta.number;instr.background"
			verbLevel="1" tablehead="Background" displayHint="sf=3"
			description="Number of background events expected inside, by the published polynomial of
				the number of events below a declination."/>
		<outputField name="n_bkg_scrambled" type="double precision"
			ucd="meta.number;instr.background" verbLevel="10"
			tablehead="Background, scrambled" displayHint="sf=3"
			description="Number of background events expected inside, from the sample with
				scrambled right ascensions."/>
		<outputField name="n_bkg_err" type="double precision"
			ucd="stat.error;instr.background" verbLevel="10"
			tablehead="Error of the background" displayHint="sf=3"
			description="Standard error of the background expected from the sample itself
				(n_bkg_scrambled), from the finite number of its events."/>
		<outputField name="p_value" type="double precision" ucd="stat.probability" verbLevel="1"
			tablehead="p-value"
			description="Probability that background alone (n_bkg) gives n_obs events or more
				(local: not corrected for the number of sources tested).">
			<formatter>return "" if data is None else "%.3g"%data</formatter>
		</outputField>
		<outputField name="n_sig_lo" type="double precision" ucd="meta.number;stat.min" verbLevel="1"
			tablehead="Signal, lower" displayHint="sf=2"
			description="Lower end of the interval of Feldman and Cousins for the mean number of
				signal events inside, at the requested confidence."/>
		<outputField name="n_sig_up" type="double precision" ucd="meta.number;stat.max" verbLevel="1"
			tablehead="Signal, upper" displayHint="sf=2"
			description="Upper end of the interval of Feldman and Cousins for the mean number of
				signal events inside, at the requested confidence."/>
	</STREAM>

	<STREAM id="fluxes">
		<doc>Fluxes and limits.

		where   what they are averaged over, at the end of their descriptions
		</doc>
		<outputField name="flux_norm" type="double precision" unit="GeV**-1.cm**-2.s**-1"
			ucd="phot.flux.density;phys.particle.neutrino" verbLevel="1" tablehead="Flux"
			description="Best estimate of the flux dN/dE at 1 GeV, for one flavour, from
				n_obs - n_bkg, or 0 if that is negative.\where">
			<formatter>return "" if data is None else "%.2e"%data if data else "0"</formatter>
		</outputField>
		<outputField name="flux_limit" type="double precision"
			unit="GeV**-1.cm**-2.s**-1"
			ucd="phot.flux.density;phys.particle.neutrino;stat.max" verbLevel="1"
			tablehead="Flux limit"
			description="Upper limit on the flux dN/dE at 1 GeV, for one flavour, from
				n_sig_up.\where">
			<formatter>return "" if data is None else "%.2e"%data if data else "0"</formatter>
		</outputField>
		<outputField name="sensitivity" type="double precision"
			unit="GeV**-1.cm**-2.s**-1"
			ucd="phot.flux.density;phys.particle.neutrino;stat.median" verbLevel="1"
			tablehead="Sensitivity"
			description="Median upper limit on the flux dN/dE at 1 GeV expected without a
				source, for one flavour.\where">
			<formatter>return "" if data is None else "%.2e"%data if data else "0"</formatter>
		</outputField>
	</STREAM>

	<STREAM id="tables">
		<doc>The second tables of the answers; the first ones are in the services.</doc>
		<table id="ps_events">
			<meta name="title">Events inside the circles</meta>
			<meta name="description">The events inside the circles of the sources, nearest first, each
				with its weight.</meta>
			<column name="name" type="text" ucd="meta.id" tablehead="Source" verbLevel="1"
				description="Name of the source, as given in the request."/>
			<column name="answer" type="integer" ucd="meta.record" tablehead="Row" verbLevel="1"
				required="True"
				description="Row of the source in the table of answers, beginning with 1."/>
			<column name="event_id" type="text" ucd="meta.id;meta.main" tablehead="Event"
				verbLevel="1" required="True"
				description="Identifier of the event in the sample."/>
			<column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
				tablehead="RA" verbLevel="1" displayHint="sf=2"
				description="Right ascension (ICRS) of the event."/>
			<column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
				tablehead="Dec" verbLevel="1" displayHint="sf=2"
				description="Declination (ICRS) of the event."/>
			<column name="mjd" type="double precision" unit="d" ucd="time.epoch" tablehead="MJD"
				verbLevel="1" displayHint="sf=4" description="Time of the event (MJD, UTC)."/>
			<column name="ang_err" type="double precision" unit="deg" ucd="stat.error;pos"
				tablehead="Angular error" verbLevel="1" displayHint="sf=2"
				description="Angular error of the event, as estimated by the reconstruction."/>
			<column name="separation" type="double precision" unit="deg" ucd="pos.angDistance"
				tablehead="Separation" verbLevel="1" displayHint="sf=3"
				description="Angle between the event and the source."/>
			<column name="weight" type="double precision" ucd="stat.weight" tablehead="Weight"
				verbLevel="1" displayHint="sf=2"
				description="Ratio of the density of one signal event to that of the background at the
					event: a two-dimensional Gaussian of the event's angular error, at least 0.1
					deg, divided by the polynomial's density of events at its declination.">
			</column>
		</table>

		<table id="region_bands">
			<meta name="title">Bands of declination</meta>
			<meta name="description">The region in bands of declination, which are those of the
				acceptance.</meta>
			<column name="dec_lo" type="double precision" unit="deg" ucd="pos.eq.dec;stat.min"
				tablehead="Dec, lower" displayHint="sf=2" verbLevel="1"
				description="Lower limit of the band in declination (ICRS)."/>
			<column name="dec_hi" type="double precision" unit="deg" ucd="pos.eq.dec;stat.max"
				tablehead="Dec, upper" displayHint="sf=2" verbLevel="1"
				description="Upper limit of the band in declination (ICRS)."/>
			<column name="sky_area" type="double precision" unit="deg**2" ucd="phys.angArea"
				tablehead="Area" displayHint="sf=2" verbLevel="1"
				description="Area of the region in the band."/>
			<column name="probability" type="double precision" ucd="stat.probability"
				tablehead="Probability" displayHint="sf=4" verbLevel="1"
				description="Probability of the map in the band; for a region without probabilities,
					the fraction of its area."/>
			<column name="n_obs" type="integer" ucd="meta.number;phys.particle.neutrino"
				tablehead="Observed" verbLevel="1"
				description="Number of events observed in the region and the band.">
				<values nullLiteral="-1"/>
			</column>
			<column name="n_bkg" type="double precision" ucd="meta.number;instr.background"
				tablehead="Background" displayHint="sf=3" verbLevel="1"
				description="Number of background events expected in the region and the band; NULL
					where the sample sees nothing."/>
			<column name="n_sig_up" type="double precision" ucd="meta.number;stat.max"
				tablehead="Signal, upper" displayHint="sf=2" verbLevel="1"
				description="Upper end of the interval of Feldman and Cousins for the mean number of
					signal events in the region and the band, at the requested confidence."/>
			<column name="flux_limit" type="double precision" unit="GeV**-1.cm**-2.s**-1"
				ucd="phot.flux.density;phys.particle.neutrino;stat.max" tablehead="Flux limit"
				verbLevel="1"
				description="Upper limit on the flux dN/dE at 1 GeV, for one flavour, of a source in
					the band, from n_sig_up."/>
		</table>
		<table id="region_events">
			<meta name="title">Events in the region</meta>
			<meta name="description">The events in the region.</meta>
			<column original="ps_events.event_id"/>
			<column original="ps_events.ra"/>
			<column original="ps_events.dec"/>
			<column original="ps_events.mjd"/>
			<column original="ps_events.ang_err"/>
		</table>
	</STREAM>

	<STREAM id="region">
		<doc>The content of the service region: events in a region of the sky.

		acceptance   the name of the file with the acceptance, among the release's responses
		background   the name of the file with the background polynomial
		</doc>
		<meta name="testQuery">
			<meta name="moc">3/1,4-6 5/10</meta>
		</meta>
		<property name="acceptance">\acceptance</property>
		<property name="background">\background</property>
		<FEED source="km3net/limits#page"/>
		<pythonCore>
			<inputTable>
				<inputKey name="MOC" type="text" ucd="pos.outline" multiplicity="forced-single"
					tablehead="Coverage map" std="True" widgetFactory="widgetFactory(ScalingTextArea, rows=3)"
					description="The region as a coverage map in ASCII (IVOA MOC 2.0), such as 3/1,4-6
						5/10: orders and numbers of HEALPix cells in ICRS."/>
				<inputKey name="MAP" type="file" tablehead="or sky map"
					description="The region as a sky map of probabilities, instead of MOC: a FITS file in
						HEALPix, flat or multi-order, in equatorial coordinates, which may be compressed
						with gzip; at most 16 MB."/>
				<inputKey name="ALERT" type="text" ucd="meta.id" multiplicity="forced-single"
					tablehead="or alert"
					description="The region of an alert in this archive, instead of MOC: its identifier
						(IVORN), its name, or the number of its notice. Its sky map is used if the
						archive has it."/>
				<inputKey name="CONTAINMENT" type="double precision" ucd="stat.probability;pos"
					multiplicity="forced-single" tablehead="Containment"
					description="Probability that the source is in the region that is cut from a sky map
						or taken from an alert, 0.9 by default; an alert without a sky map here has
						regions of 0.5 and 0.9 only."/>
				<FEED source="km3net/limits#parameters" indexrange=""/>
			</inputTable>
			<outputTable id="region_answer">
				<meta name="title">Answer</meta>
				<outputField name="name" type="text" ucd="meta.id;meta.main" verbLevel="1"
					tablehead="Alert" description="Name of the alert."/>
				<outputField name="sky_area" type="double precision" unit="deg**2" ucd="phys.angArea"
					verbLevel="1" tablehead="Area" displayHint="sf=2"
					description="Area of the region."/>
				<outputField name="visible" type="double precision" ucd="stat.probability"
					verbLevel="1" tablehead="Visible" displayHint="sf=3"
					description="Probability of the map in the part of the region that the sample sees;
						for a region without probabilities, the fraction of its area."/>
				<outputField name="containment" type="double precision" ucd="stat.probability;pos"
					verbLevel="10" tablehead="Containment" displayHint="sf=3"
					description="Probability that the source is in the region, as cut from a sky map or
						given by an alert; NULL for a coverage map."/>
				<FEED source="km3net/limits#index"/>
				<FEED source="km3net/limits#confidence"/>
				<FEED source="km3net/limits#counts"/>
				<outputField name="source_obs" type="double precision"
					ucd="meta.number;phys.particle.neutrino;stat.mean" verbLevel="10"
					tablehead="Observed around a source" displayHint="sf=3"
					description="Number of events in the best circle around a source, averaged over the
						positions in the region with the map's probability."/>
				<outputField name="source_bkg" type="double precision"
					ucd="meta.number;instr.background;stat.mean" verbLevel="10"
					tablehead="Background around a source" displayHint="sf=3"
					description="Number of background events expected in the best circle around a source,
						averaged over the positions in the region with the map's probability."/>
				<outputField name="source_sig_lo" type="double precision" ucd="meta.number;stat.min"
					verbLevel="10" tablehead="Signal of a source, lower" displayHint="sf=2"
					description="Lower end of the interval for the mean number of signal events in the
						best circle around a source, averaged over the positions in the region with the
						map's probability."/>
				<outputField name="source_sig_up" type="double precision" ucd="meta.number;stat.max"
					verbLevel="10" tablehead="Signal of a source, upper" displayHint="sf=2"
					description="Upper end of the interval for the mean number of signal events in the
						best circle around a source, averaged over the positions in the region with the
						map's probability."/>
				<FEED source="km3net/limits#fluxes" where=" For circles around all positions in the region, averaged with the map's probability."/>
				<FEED source="km3net/limits#remark"/>
			</outputTable>
			<coreProc>
				<setup imports="os">
					<code>
						from gavo import utils
						regions, _ = utils.loadPythonModule(os.path.join(
							base.getConfig("inputsDir"), "km3net", "regions"))
					</code>
				</setup>
				<code>
					return regions.run(self, service, inputTable, queryMeta)
				</code>
			</coreProc>
		</pythonCore>
	</STREAM>

	<STREAM id="ps">
		<doc>The content of the service ps: events around a source or a list of sources.

		acceptance   the name of the file with the acceptance, among the release's responses
		background   the name of the file with the background polynomial
		</doc>
		<meta name="testQuery">
			<meta name="ra">77.3582</meta>
			<meta name="dec">5.6931</meta>
		</meta>
		<property name="acceptance">\acceptance</property>
		<property name="background">\background</property>
		<FEED source="km3net/limits#page"/>
		<pythonCore>
			<inputTable>
				<inputKey name="RA" type="double precision" unit="deg"
					ucd="pos.eq.ra;meta.main" multiplicity="forced-single" tablehead="RA"
					std="True" description="Right ascension (ICRS) of the source."/>
				<inputKey name="DEC" type="double precision" unit="deg"
					ucd="pos.eq.dec;meta.main" multiplicity="forced-single" tablehead="Dec"
					std="True" description="Declination (ICRS) of the source. A declination at which
						the sample sees no source is an error."/>
				<inputKey name="TARGET" type="text" ucd="meta.id;src" multiplicity="forced-single"
					tablehead="or name"
					description="Name of the source, instead of RA and DEC: of an event of this
						sample, of an alert in this archive, or any name that the resolver of
						the CDS (Sesame) knows."/>
				<inputKey name="SOURCES" type="file" tablehead="or list of sources"
					description="List of sources, instead of RA and DEC: a VOTable, or a CSV file
						whose first line names its columns, with ra and dec in deg, and optionally
						name, radius (deg) and index; at most 2000 rows. A source that cannot be
						searched, such as one at a declination that the sample does not see, has a
						row with the reason in remark, and no values."/>
				<inputKey name="SR" type="double precision" unit="deg" ucd="pos.angDistance"
					multiplicity="forced-single" tablehead="Radius" std="True"
					description="Radius of the circle in which events are counted, between 0 and
						90; if missing, the one with the lowest expected limit."/>
				<FEED source="km3net/limits#parameters"
					indexrange="Or a range, such as 1.8 2.2: a row for each index of the acceptance's table in it."/>
			</inputTable>
			<outputTable id="ps_answers">
				<meta name="title">Answers</meta>
				<outputField name="name" type="text" ucd="meta.id;meta.main" verbLevel="1"
					tablehead="Source"
					description="Name of the source, as given in the request."/>
				<outputField name="ra" type="double precision" unit="deg"
					ucd="pos.eq.ra;meta.main" verbLevel="1" tablehead="RA" displayHint="sf=4"
					description="Right ascension (ICRS) of the source."/>
				<outputField name="dec" type="double precision" unit="deg"
					ucd="pos.eq.dec;meta.main" verbLevel="1" tablehead="Dec" displayHint="sf=4"
					description="Declination (ICRS) of the source."/>
				<FEED source="km3net/limits#index"/>
				<outputField name="radius" type="double precision" unit="deg"
					ucd="pos.angDistance" verbLevel="1" tablehead="Radius" displayHint="sf=2"
					description="Radius of the circle in which events are counted."/>
				<FEED source="km3net/limits#confidence"/>
				<outputField name="containment" type="double precision" ucd="stat.probability;pos"
					verbLevel="10" tablehead="Containment" displayHint="sf=3"
					description="Fraction of the events of a source that is inside the circle."/>
				<FEED source="km3net/limits#counts"/>
				<FEED source="km3net/limits#fluxes" where=""/>
				<outputField name="p_sidak" type="double precision" ucd="stat.probability"
					verbLevel="10" tablehead="p-value, Šidák"
					description="p-value corrected for the number of rows of this answer by
						Šidák's formula: the probability that the smallest p-value of as many
						independent tests is this or less.">
					<formatter>return "" if data is None else "%.3g"%data</formatter>
				</outputField>
				<outputField name="q_bh" type="double precision" ucd="stat.probability"
					verbLevel="10" tablehead="q-value"
					description="p-value adjusted for the false-discovery rate of the rows of this
						answer, by Benjamini and Hochberg: among the rows with this q-value or
						less, the expected share of false detections is at most q.">
					<formatter>return "" if data is None else "%.3g"%data</formatter>
				</outputField>
				<FEED source="km3net/limits#remark"/>
			</outputTable>
			<coreProc>
				<setup imports="os">
					<code>
						from gavo import utils
						pointsources, _ = utils.loadPythonModule(os.path.join(
							base.getConfig("inputsDir"), "km3net", "pointsources"))
					</code>
				</setup>
				<code>
					return pointsources.run(self, service, inputTable, queryMeta)
				</code>
			</coreProc>
		</pythonCore>
	</STREAM>
</resource>
