<!-- This data centre's additions to DaCHS' own resources: its registry records and the TAP
examples. Values in \metaString come from defaultmeta.txt, which is made from site.toml. -->
<resource schema="__system">

	<STREAM id="registry-interfacerecords">
		<resRec id="authority">
			<meta>
				resType: authority
				creationDate: \metaString{authority.creationDate}
				title: \metaString{authority.title}
				shortName: \metaString{authority.shortName}
				subject: neutrino-astronomy
				managingOrg: ivo://\getConfig{ivoa}{authority}/org
				referenceURL: \metaString{authority.referenceURL}
				identifier: ivo://\getConfig{ivoa}{authority}
				sets: ivo_managed
			</meta>
			<meta name="description">\metaString{authority.description}</meta>
		</resRec>

		<resRec id="organisation">
			<meta>
				resType: organization
				creationDate: \metaString{authority.creationDate}
				title: \metaString{publisher}
				shortName: \metaString{authority.shortName}
				subject: neutrino-astronomy
				referenceURL: \metaString{authority.referenceURL}
				identifier: ivo://\getConfig{ivoa}{authority}/org
				sets: ivo_managed
			</meta>
			<meta name="description">\metaString{authority.description}</meta>
		</resRec>

		<service id="registry" allowed="pubreg.xml">
			<registryCore/>
			<publish render="pubreg.xml" sets="ivo_managed">
				<meta name="accessURL"
					>\getConfig{web}{serverURL}\getConfig{web}{nevowRoot}oai.xml</meta>
			</publish>
			<meta name="resType">registry</meta>
			<meta name="title">\getConfig{web}{sitename} Registry</meta>
			<meta name="creationDate">\metaString{authority.creationDate}</meta>
			<meta name="description">The publishing registry of the
				\getConfig{web}{sitename}.</meta>
			<meta name="subject">virtual-observatories</meta>
			<meta name="shortName">\metaString{authority.shortName} RG</meta>
			<meta name="content.type">Archive</meta>
			<meta name="rights">public</meta>
			<meta name="harvest.description">The harvesting interface of the publishing
				registry of the \getConfig{web}{sitename}</meta>
			<meta name="maxRecords">10000</meta>
			<meta name="managedAuthority">\getConfig{ivoa}{authority}</meta>
			<meta name="publisher">\metaString{publisher}</meta>
		</service>
	</STREAM>

	<STREAM id="tapexamples">
		<meta name="_example" title="Bright neutrino events">
			The number of hits, nhit, increases with the energy of a neutrino. This query
			selects the events of :taptable:`ant20_01.main` with the most hits, brightest first:

			.. tapquery::

				SELECT TOP 20 id, ra, decl, beta, nhit, mjd
				FROM ant20_01.main
				WHERE nhit > 100
				ORDER BY nhit DESC
		</meta>

		<meta name="_example" title="Neutrinos near a source">
			Events of :taptable:`ant20_01.main` within 3 degrees of the blazar TXS 0506+056,
			nearest first. Compare the separation with the angular error estimate of each event,
			beta:

			.. tapquery::

				SELECT id, mjd, beta, nhit,
					DISTANCE(ra, decl, 77.3582, 5.6931) AS separation
				FROM ant20_01.main
				WHERE DISTANCE(ra, decl, 77.3582, 5.6931) &lt; 3
				ORDER BY separation
		</meta>

		<meta name="_example" title="Neutrinos around a date">
			Events of :taptable:`ant20_01.main` within 5 days of the gravitational-wave event
			GW170817 (2017-08-17T12:41:04 UTC). Times are Modified Julian Dates in UTC; the
			function gavo_to_mjd converts a date:

			.. tapquery::

				SELECT id, mjd, ra, decl, beta, nhit
				FROM ant20_01.main
				WHERE mjd BETWEEN gavo_to_mjd('2017-08-17T12:41:04') - 5
					AND gavo_to_mjd('2017-08-17T12:41:04') + 5
				ORDER BY mjd
		</meta>

		<meta name="_example" title="A sample and its data product">
			Joins the events of :taptable:`ant20_01.main` with the entry of their sample in
			:taptable:`ivoa.obscore`, which gives the data product, time range and livetime to
			which each event belongs:

			.. tapquery::

				SELECT TOP 100 e.id, e.mjd, e.ra, e.decl, e.nhit,
					o.obs_collection, o.t_exptime, o.access_url
				FROM ant20_01.main AS e
				JOIN ivoa.obscore AS o
					ON e.mjd BETWEEN o.t_min AND o.t_max
				WHERE o.obs_collection = 'ANTARES-2017-PS'
					AND o.dataproduct_type = 'hea-event-list'
				ORDER BY e.nhit DESC
		</meta>

		<meta name="_example" title="What is needed to analyse a source">
			Event lists, instrument responses and bundles of both for samples whose field of view
			contains the gamma-ray binary HESS J0632+057. The table :taptable:`ivoa.obscore_hea`
			adds to :taptable:`ivoa.obscore` what is special to high energies:

			.. tapquery::

				SELECT obs_collection, dataproduct_type, dataproduct_subtype, ev_xel,
					energy_min, energy_max, event_type, access_url
				FROM ivoa.obscore
				NATURAL JOIN ivoa.obscore_hea
				WHERE 1 = CONTAINS(POINT(98.24, 5.81), CIRCLE(s_ra, s_dec, s_fov / 2))
					AND dataproduct_type IN
						('hea-event-bundle', 'hea-event-list', 'response-function')
				ORDER BY obs_collection, dataproduct_type
		</meta>

		<meta name="_example" title="Expected neutrinos from a source">
			Folds the effective area of KM3NeT/ARCA230, :taptable:`irf.aeff`, with a flux of
			neutrinos and antineutrinos of 1e-8 (E/GeV)^-2 GeV^-1 cm^-2 s^-1: the number of events
			per year from a source that stays at a zenith angle. The integral of E^-2 over a bin is
			1/energy_true_lo - 1/energy_true_hi; 1e4 converts m2 to cm2. The result is a number,
			although TAP, which does not know the unit of the flux, states that of the area:

			.. tapquery::

				SELECT zenith_lo, zenith_hi,
					31557600 * SUM(aeff * 1e4 * 1e-8
						* (POWER(energy_true_lo, -1) - POWER(energy_true_hi, -1)))
						AS events_per_year
				FROM irf.aeff
				WHERE release = 'irf_arca230'
				GROUP BY zenith_lo, zenith_hi
				ORDER BY zenith_lo
		</meta>

		<meta name="_example" title="Expected neutrinos by declination">
			:taptable:`irf.acceptance` is the effective area of ANTARES integrated over energy
			and livetime: times a flux at 1 GeV, here 1e-8 GeV^-1 cm^-2 s^-1 of one flavour, it is
			the number of events in the sample, also a number without the unit that TAP states.
			For a spectral index of 2:

			.. tapquery::

				SELECT dec_lo, dec_hi, 1e-8 * acceptance AS events
				FROM irf.acceptance
				WHERE release = 'ant20_01' AND spectral_index BETWEEN 1.95 AND 2.05
				ORDER BY dec_lo
		</meta>

		<meta name="_example" title="Pairs of neutrinos">
			Pairs of events that are less than 0.5 degrees and one day apart, both from
			:taptable:`ant20_01.main`. Replace either table by another sample or by a table of
			your own that you upload:

			.. tapquery::

				SELECT a.id AS first_event, b.id AS second_event,
					DISTANCE(a.ra, a.decl, b.ra, b.decl) AS separation,
					b.mjd - a.mjd AS delay
				FROM ant20_01.main AS a
				JOIN ant20_01.main AS b
					ON b.mjd BETWEEN a.mjd AND a.mjd + 1
				WHERE a.id != b.id
					AND DISTANCE(a.ra, a.decl, b.ra, b.decl) &lt; 0.5
				ORDER BY separation
		</meta>

		<meta name="_example" title="Two samples: ANTARES events around KM3-230213A">
			Joins two samples: finds the events of :taptable:`ant20_01.main` that are compatible
			with the direction of the ultra-high-energy event in :taptable:`evts23_01.main`,
			within the sum of its 99 % radius and their own angular error:

			.. tapquery::

				SELECT a.id, a.mjd, a.nhit, a.beta,
					DISTANCE(a.ra, a.decl, k.ra, k.dec) AS separation
				FROM evts23_01.main AS k
				JOIN ant20_01.main AS a
					ON DISTANCE(a.ra, a.decl, k.ra, k.dec) &lt; k.err_99 + a.beta
				ORDER BY separation
		</meta>

		<meta name="_example" title="Candidate counterparts of KM3-230213A">
			The sources in :taptable:`evts23_01.counterparts` that are inside the circle around
			the event in :taptable:`evts23_01.main` that contains its true direction with a
			probability of 90 %, nearest first:

			.. tapquery::

				SELECT c.source, c.name, c.ra, c.dec,
					DISTANCE(c.ra, c.dec, e.ra, e.dec) AS separation, e.err_90
				FROM evts23_01.counterparts AS c
				JOIN evts23_01.main AS e
					ON DISTANCE(c.ra, c.dec, e.ra, e.dec) &lt; e.err_90
				ORDER BY separation
		</meta>

		<meta name="_example" title="Drawing KM3-230213A">
			The hits in :taptable:`evts23_01.hits` that were part of the trigger, in the order of
			time. Drawn in TOPCAT as a cube of x, y and z with the colour for t and the size for
			tot, they show the muon crossing the detector in a few microseconds. The last column
			is the distance of each hit from the track in :taptable:`evts23_01.tracks`:

			.. tapquery::

				SELECT h.t, h.x, h.y, h.z, h.tot, h.detection_unit, h.floor_no,
					SQRT(POWER((h.y - k.y) * k.dir_z - (h.z - k.z) * k.dir_y, 2)
						+ POWER((h.z - k.z) * k.dir_x - (h.x - k.x) * k.dir_z, 2)
						+ POWER((h.x - k.x) * k.dir_y - (h.y - k.y) * k.dir_x, 2))
						AS distance_from_track
				FROM evts23_01.hits AS h
				JOIN evts23_01.tracks AS k ON h.event_id = k.event_id
				WHERE h.triggered = 1
				ORDER BY h.t
		</meta>

		<meta name="_example" title="The energy of KM3-230213A">
			How probable the number of photomultipliers in the trigger of KM3-230213A is for muons
			of 10, 100 and 1000 PeV: counts them in :taptable:`evts23_01.hits`, and takes the bins
			of :taptable:`evts23_01.pmt_numbers` that contain this number:

			.. tapquery::

				SELECT p.series, p.energy, n.n_pmts, p.density
				FROM evts23_01.pmt_numbers AS p
				JOIN (
					SELECT COUNT(*) AS n_pmts FROM (
						SELECT DISTINCT dom_id, channel_id
						FROM evts23_01.hits WHERE triggered = 1) AS hit_pmts) AS n
					ON n.n_pmts BETWEEN p.n_pmts_lo AND p.n_pmts_hi
				ORDER BY p.series, p.energy
		</meta>

		<meta name="_example" title="Events in units of their own errors">
			The function gavo_error_distance gives a distance in units of an error. This query
			selects the events of :taptable:`ant20_01.main` that are closer to the blazar
			MG3 J225517+2409 than three times their own angular error estimate:

			.. tapquery::

				SELECT id, mjd, nhit, beta,
					gavo_error_distance(ra, decl, 343.821, 24.15, beta) AS errors_away
				FROM ant20_01.main
				WHERE gavo_error_distance(ra, decl, 343.821, 24.15, beta) &lt; 3
				ORDER BY errors_away
		</meta>

		<meta name="_example" title="How many events are expected by chance?">
			The function gavo_background_events gives the number of background events of a release
			that are expected in a circle, by the release's published background function. This
			query counts the events of :taptable:`ant20_01.main` within 1 degree of the alerts in
			:taptable:`alerts.latest`, and compares them with what chance gives:

			.. tapquery::

				SELECT a.notice_id, a.stream, a.event_name, COUNT(e.id) AS observed,
					gavo_background_events('ant20_01', a.dec, 1) AS expected
				FROM alerts.latest AS a
				LEFT OUTER JOIN ant20_01.main AS e ON DISTANCE(e.ra, e.decl, a.ra, a.dec) &lt; 1
				WHERE a.retracted = 0 AND a.dec &lt; 50
				GROUP BY a.notice_id, a.stream, a.event_name, a.dec
				ORDER BY expected
		</meta>

		<meta name="_example" title="The density of background">
			The function gavo_background_density gives the number of background events of a release
			per sr at a declination. Its inverse is a weight that is large where background is rare.
			This query lists the ten events of :taptable:`ant20_01.main` with the largest weight:

			.. tapquery::

				SELECT TOP 10 id, decl, nhit, beta,
					gavo_background_density('ant20_01', decl) AS events_per_sr
				FROM ant20_01.main
				WHERE gavo_background_density('ant20_01', decl) > 0
				ORDER BY events_per_sr
		</meta>

		<meta name="_example" title="All samples at once">
			The view :taptable:`km3net.events` has the events of all samples with the columns
			they have in common. This query selects well-reconstructed events around the blazar
			TXS 0506+056 from all detectors:

			.. tapquery::

				SELECT event_id, detector, mjd, ang_err, energy, n_hits,
					DISTANCE(ra, dec, 77.3582, 5.6931) AS separation
				FROM km3net.events
				WHERE DISTANCE(ra, dec, 77.3582, 5.6931) &lt; 5 AND ang_err &lt; 1
				ORDER BY separation
		</meta>

		<meta name="_example" title="Which error circles contain my source?">
			The column origin_est of :taptable:`ant20_01.main` is the circle given by the
			angular error estimate of an event. A source is compatible with the events whose
			circle contains it:

			.. tapquery::

				SELECT id, ra, decl, beta, nhit, mjd
				FROM ant20_01.main
				WHERE 1 = CONTAINS(POINT(266.4168, -29.0078), origin_est)
		</meta>

		<meta name="_example" title="Alerts near a source">
			The view :taptable:`alerts.latest` has the newest notice of each alert of KM3NeT,
			ANTARES, IceCube and other observatories. This query selects the alerts within 5
			degrees of the star-forming region Monoceros R2 that have not been retracted:

			.. tapquery::

				SELECT stream, event_name, event_mjd, ra, dec, pos_err_90, energy, signalness,
					DISTANCE(ra, dec, 91.9425, -6.3856) AS separation
				FROM alerts.latest
				WHERE retracted = 0
					AND DISTANCE(ra, dec, 91.9425, -6.3856) &lt; 5
				ORDER BY separation
		</meta>

		<meta name="_example" title="Which alerts may originate from my source?">
			The column region_90 of :taptable:`alerts.latest` is the region of the sky (MOC) that
			contains the source of the alert with a probability of 90 %. This query finds the
			regions that contain the galaxy NGC 3115:

			.. tapquery::

				SELECT stream, event_name, event_mjd, far, signalness,
					DISTANCE(ra, dec, 151.3083, -7.7186) AS separation
				FROM alerts.latest
				WHERE 1 = CONTAINS(POINT(151.3083, -7.7186), region_90)
				ORDER BY event_mjd DESC
		</meta>

		<meta name="_example" title="Rare alerts, newest first">
			far is the false-alarm rate in Hz. KM3NeT issues alerts with a rate below 3.9e-7 Hz,
			or once per month:

			.. tapquery::

				SELECT TOP 50 stream, event_name, event_mjd, ra, dec, far, energy, signalness
				FROM alerts.latest
				WHERE retracted = 0 AND far &lt; 3.9e-7
				ORDER BY event_mjd DESC
		</meta>

		<meta name="_example" title="Alerts within a day of a burst">
			Alerts of :taptable:`alerts.latest` less than one day before or after a burst. Replace
			2022-12-23T12:00:00 by the time of your burst (UTC):

			.. tapquery::

				SELECT stream, event_name, ra, dec, pos_err_90, far,
					event_mjd - gavo_to_mjd('2022-12-23T12:00:00') AS days_after
				FROM alerts.latest
				WHERE event_mjd BETWEEN gavo_to_mjd('2022-12-23T12:00:00') - 1
					AND gavo_to_mjd('2022-12-23T12:00:00') + 1
				ORDER BY event_mjd
		</meta>

		<meta name="_example" title="ANTARES events around IceCube alerts">
			The number of ANTARES events (:taptable:`ant20_01.main`) within 3 degrees and 500 s
			of each IceCube alert. Alerts without any such event are included:

			.. tapquery::

				SELECT a.notice_id, a.stream, a.event_mjd, a.ra, a.dec,
					COUNT(e.id) AS antares_events
				FROM alerts.latest AS a
				LEFT OUTER JOIN ant20_01.main AS e
					ON e.mjd BETWEEN a.event_mjd - 500/86400. AND a.event_mjd + 500/86400.
					AND DISTANCE(e.ra, e.decl, a.ra, a.dec) &lt; 3
				WHERE a.stream LIKE 'icecube%' AND a.retracted = 0
				GROUP BY a.notice_id, a.stream, a.event_mjd, a.ra, a.dec
				ORDER BY a.event_mjd
		</meta>

		<meta name="_example" title="Neutrino events around alerts">
			Events of all samples (:taptable:`km3net.events`) within 3 degrees and 500 s of any
			alert:

			.. tapquery::

				SELECT a.stream, a.event_name, e.event_id, e.detector, e.energy,
					IN_UNIT(e.mjd - a.event_mjd, 's') AS seconds_after,
					DISTANCE(e.ra, e.dec, a.ra, a.dec) AS separation
				FROM alerts.latest AS a
				JOIN km3net.events AS e
					ON e.mjd BETWEEN a.event_mjd - 500/86400. AND a.event_mjd + 500/86400.
					AND DISTANCE(e.ra, e.dec, a.ra, a.dec) &lt; 3
				WHERE a.retracted = 0
				ORDER BY separation
		</meta>

		<meta name="_example" title="Alerts whose region covers my sources">
			Pairs of alerts and sources where the 90 % region of the alert contains the source. In
			this example, the sources are the ANTARES events with the most hits. To use sources of
			your own, upload them as a table called mine, and refer to TAP_UPLOAD.mine and the
			names of its columns instead:

			.. tapquery::

				SELECT s.id AS source, a.stream, a.event_name, a.event_mjd,
					DISTANCE(s.ra, s.decl, a.ra, a.dec) AS separation
				FROM ant20_01.main AS s
				JOIN alerts.latest AS a
					ON 1 = CONTAINS(POINT(s.ra, s.decl), a.region_90)
				WHERE s.nhit > 60 AND a.retracted = 0
				ORDER BY separation
		</meta>

		<meta name="_example" title="KM3NeT alerts and their detector events">
			The newest alerts of KM3NeT with the detector events on which each is based
			(:taptable:`alerts.events`), and further properties of those that have been published
			in :taptable:`km3net.events`:

			.. tapquery::

				SELECT TOP 100 a.event_name, a.event_mjd, a.far, e.event_id, e.energy,
					p.release, p.ang_err, p.n_hits
				FROM alerts.latest AS a
				LEFT OUTER JOIN alerts.events AS e ON e.notice_id = a.notice_id
				LEFT OUTER JOIN km3net.events AS p ON p.event_id = e.event_id
				WHERE a.stream LIKE 'km3net%'
				ORDER BY a.event_mjd DESC
		</meta>

		<meta name="_example" title="The history of an alert">
			:taptable:`alerts.notices` has every packet. Notices of the same alert have the same
			alert_id; revision gives their order, which need not be the order of receipt. The alert
			in this example is a test, and therefore not in :taptable:`alerts.latest`. It was
			retracted, but its last update revoked the retraction:

			.. tapquery::

				SELECT revision, notice_type, alert_type, notice_mjd, far, retracted, is_latest,
					ivorn
				FROM alerts.notices
				WHERE event_name = 'MS181101ab'
				ORDER BY revision
		</meta>

		<meta name="_example" title="What was known at a time?">
			The newest notice of each alert among the packets that :taptable:`alerts.notices` had
			received by a time, here the beginning of 2027 (UTC). Those with the notice_type
			retraction were retracted then. Which notices belong to the same alert, and their order,
			is what is known today:

			.. tapquery::

				SELECT notice_id, alert_id, stream, event_name, notice_type, revision, received,
					superseded, ra, dec, pos_err, far
				FROM alerts.notices
				WHERE received &lt;= gavo_to_mjd('2027-01-01T00:00:00')
					AND (superseded IS NULL OR superseded > gavo_to_mjd('2027-01-01T00:00:00'))
					AND is_test = 0 AND is_injection = 0 AND role != 'utility'
				ORDER BY received DESC
		</meta>

		<meta name="_example" title="Rare coincidences with neutrino alerts">
			:taptable:`alerts.matches` has the alerts of other observatories near each neutrino
			alert. This query lists those of which chance gives fewer than one a year:

			.. tapquery::

				SELECT m.alert_id, m.partner_group, m.partner_alert, m.time_difference,
					m.separation, m.overlap, m.far_spatiotemporal * 31557600 AS per_year, m.change
				FROM alerts.matches AS m
				WHERE m.kind = 'alert' AND m.is_latest = 1 AND m.retracted = 0
					AND m.far_spatiotemporal * 31557600 &lt; 1
				ORDER BY m.far_spatiotemporal
		</meta>

		<meta name="_example" title="Circulars about an event">
			:taptable:`alerts.circulars` has GCN's circulars, :taptable:`alerts.event_names` the names
			of events in them, in upper case and without spaces and hyphens, so that IceCube-230416A
			and IC230416A are the same:

			.. tapquery::

				SELECT c.circular_id, c.created, c.subject, c.submitter
				FROM alerts.circulars AS c
				JOIN alerts.event_names AS e ON e.notice_id = c.notice_id
				WHERE e.event_name = 'ICECUBE230416A' AND c.is_latest = 1
				ORDER BY c.created
		</meta>

		<meta name="_example" title="Words in circulars about alerts">
			Circulars about the alerts of IceCube with certain words in their subjects. Words are
			found in all their forms, here also limits; for the texts, replace subject by body.
			:taptable:`alerts.circular_alerts` says which circulars are about which alerts:

			.. tapquery::

				SELECT a.stream, a.event_name, c.circular_id, c.subject,
					c.created - a.event_mjd AS days_after
				FROM alerts.latest AS a
				JOIN alerts.circular_alerts AS l ON l.alert_id = a.alert_id
				JOIN alerts.circulars AS c ON c.notice_id = l.notice_id
				WHERE a.stream LIKE 'icecube%' AND 1 = ivo_hasword(c.subject, 'upper limit')
				ORDER BY days_after
		</meta>

		<meta name="_example" title="All parameters of a packet">
			:taptable:`alerts.params` has all values of all packets, identified by their path in
			the packet. This query lists those of KM3-230213A:

			.. tapquery::

				SELECT p.part, p.param_path, p.param_value, p.param_unit
				FROM alerts.latest AS a
				JOIN alerts.params AS p ON p.notice_id = a.notice_id
				WHERE a.event_name = 'KM3-230213A'
				ORDER BY p.param_no
		</meta>
	</STREAM>

	<NXSTREAM id="tapdescription">
		<meta name="description">TAP access to the open data of the neutrino telescopes KM3NeT
			and ANTARES: event lists with directions, times and error estimates of individual
			neutrino candidates, and an archive of alerts of these and other observatories. Tables exposed through this endpoint include:
			\\tablesForTAP.</meta>
	</NXSTREAM>
</resource>
