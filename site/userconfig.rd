<!-- What this data centre adds to DaCHS' own resources: its registry records and the TAP
examples. Values in \metaString come from defaultmeta.txt, and that from site.toml. -->
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
			The number of hits, nhit, grows with the energy of a neutrino. This takes the
			events of :taptable:`ant20_01.main` with the most light, brightest first:

			.. tapquery::

				SELECT TOP 20 id, ra, decl, beta, nhit, mjd
				FROM ant20_01.main
				WHERE nhit > 100
				ORDER BY nhit DESC
		</meta>

		<meta name="_example" title="Neutrinos near a source">
			Events within 3 degrees of the blazar TXS 0506+056, nearest first, from
			:taptable:`ant20_01.main`. Compare the distance with each event's own error
			estimate, beta:

			.. tapquery::

				SELECT id, mjd, beta, nhit,
					DISTANCE(ra, decl, 77.3582, 5.6931) AS separation
				FROM ant20_01.main
				WHERE DISTANCE(ra, decl, 77.3582, 5.6931) &lt; 3
				ORDER BY separation
		</meta>

		<meta name="_example" title="Neutrinos around a date">
			Events of :taptable:`ant20_01.main` within 5 days of the gravitational wave
			GW170817 (2017-08-17T12:41:04 UTC). Times are Modified Julian Dates in UTC; the
			function gavo_to_mjd turns a date into one:

			.. tapquery::

				SELECT id, mjd, ra, decl, beta, nhit
				FROM ant20_01.main
				WHERE mjd BETWEEN gavo_to_mjd('2017-08-17T12:41:04') - 5
					AND gavo_to_mjd('2017-08-17T12:41:04') + 5
				ORDER BY mjd
		</meta>

		<meta name="_example" title="A sample and its data product">
			Join the events of :taptable:`ant20_01.main` with the entry of their sample in
			:taptable:`ivoa.obscore`, to have with every event the file, the time range and
			the livetime it belongs to:

			.. tapquery::

				SELECT TOP 100 e.id, e.mjd, e.ra, e.decl, e.nhit,
					o.obs_collection, o.t_exptime, o.access_url
				FROM ant20_01.main AS e
				JOIN ivoa.obscore AS o
					ON e.mjd BETWEEN o.t_min AND o.t_max
				WHERE o.obs_collection = 'ANTARES-2017-PS'
				ORDER BY e.nhit DESC
		</meta>

		<meta name="_example" title="Pairs of neutrinos">
			A join of a sample with a second sample: pairs of ANTARES events less than
			0.5 degrees and one day apart, with both taken from :taptable:`ant20_01.main`.
			Put another sample, or an upload of your own, in the place of either:

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

		<meta name="_example" title="Two samples: ANTARES around KM3-230213A">
			A join of two samples: the events of :taptable:`ant20_01.main` that may have come
			from the direction of the ultra-high-energy event in :taptable:`evts23_01.main`,
			its 99 % radius and their own error taken together:

			.. tapquery::

				SELECT a.id, a.mjd, a.nhit, a.beta,
					DISTANCE(a.ra, a.decl, k.ra, k.dec) AS separation
				FROM evts23_01.main AS k
				JOIN ant20_01.main AS a
					ON DISTANCE(a.ra, a.decl, k.ra, k.dec) &lt; k.err_99 + a.beta
				ORDER BY separation
		</meta>

		<meta name="_example" title="All samples at once">
			The view :taptable:`km3net.events` has the events of all samples with the columns
			they have in common. This takes those around the blazar TXS 0506+056 with a useful
			angular error, from whichever detector:

			.. tapquery::

				SELECT event_id, detector, mjd, ang_err, energy, n_hits,
					DISTANCE(ra, dec, 77.3582, 5.6931) AS separation
				FROM km3net.events
				WHERE DISTANCE(ra, dec, 77.3582, 5.6931) &lt; 5 AND ang_err &lt; 1
				ORDER BY separation
		</meta>

		<meta name="_example" title="Whose error circle contains my source?">
			The column origin_est of :taptable:`ant20_01.main` is the circle of the event's
			angular error estimate; a source is compatible with the events whose circle
			contains it:

			.. tapquery::

				SELECT id, ra, decl, beta, nhit, mjd
				FROM ant20_01.main
				WHERE 1 = CONTAINS(POINT(266.4168, -29.0078), origin_est)
		</meta>
	</STREAM>

	<NXSTREAM id="tapdescription">
		<meta name="description">TAP access to the open data of the neutrino telescopes KM3NeT
			and ANTARES: event lists with directions, times and error estimates of single
			neutrino candidates. Tables exposed through this endpoint include:
			\\tablesForTAP.</meta>
	</NXSTREAM>
</resource>
