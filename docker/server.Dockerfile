# The server: DaCHS of Debian, and this software with the releases in the repository. The listener
# is the same image with another command. docker/README.md explains how images are made.
ARG BASE=docker.io/library/debian:trixie-slim

FROM $BASE AS packages
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /opt/km3vo
COPY setup.sh pyproject.toml constraints.txt README.md LICENSE ./
COPY ingest/__init__.py ingest/
COPY km3vo/__init__.py km3vo/
COPY web/package.json web/package-lock.json web/
COPY ingest/alerts/conversion/schemas/gcn/package.json ingest/alerts/conversion/schemas/gcn/package-lock.json \
    ingest/alerts/conversion/schemas/gcn/
# The secret "ca": certificates to be trusted instead of Debian's, for networks with their own.
# Compiled modules have no times in them, because all files in images get the same time. Left out is
# what no node needs: pyarrow's clients of servers and its headers, symbols for debuggers, and most of
# a font editor, of which Matplotlib needs the names of glyphs.
RUN --mount=type=secret,id=ca,target=/run/ca.crt set -eu; \
    apt-get -qq update; \
    apt-get -qq install --yes --no-install-recommends binutils ca-certificates >/dev/null; \
    if [ -s /run/ca.crt ]; then export PIP_CERT=/run/ca.crt SSL_CERT_FILE=/run/ca.crt NODE_EXTRA_CA_CERTS=/run/ca.crt; fi; \
    ./setup.sh node; \
    .venv/bin/pip uninstall -qq --yes wheel setuptools pip; \
    find .venv -depth -type d '(' -name tests -o -path '*/twisted/*test' ')' ! -path '*/astropy/tests' -exec rm -rf '{}' +; \
    find . -depth -name __pycache__ -exec rm -rf '{}' +; \
    arrow=$(echo .venv/lib/python3*/site-packages/pyarrow); \
    rm -rf $arrow/include $arrow/includes $arrow/src $arrow/libarrow*flight* $arrow/_flight* $arrow/libarrow_s3* $arrow/_s3fs* \
        $arrow/libarrow_python.so $arrow/libarrow_python.so.*.*.*; \
    find .venv/lib/python3*/site-packages/fontTools -type f ! -path '*/fontTools/__init__.py' ! -name agl.py ! -path '*/misc/*' -delete; \
    find .venv/lib -name '*.so*' -type f ! -path '*.libs/*' -exec strip --strip-unneeded '{}' +; \
    .venv/bin/python -c 'import matplotlib.pyplot, pyarrow.parquet, astropy.io.fits, h5py, lxml.etree, psycopg2'; \
    .venv/bin/python -W ignore -m compileall -q -j 2 --invalidation-mode unchecked-hash .venv/lib; \
    rm -rf build ./*.egg-info; \
    touch .venv/sealed

FROM $BASE
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /opt/km3vo
COPY setup.sh ./
# What no server needs is left out: documents except licences, tests, and most of a font editor on
# which Matplotlib depends, with SymPy and Unicode's tables, on which this depends. DaCHS needs tests of Twisted. No program gives its user other rights.
RUN set -eu; \
    modules=/usr/lib/python3/dist-packages; \
    printf 'path-exclude=%s\n' '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/locale/*' '/usr/share/info/*' \
        '/usr/share/unicode/*' > /etc/dpkg/dpkg.cfg.d/small; \
    printf 'path-include=%s\n' '/usr/share/doc/*/copyright' >> /etc/dpkg/dpkg.cfg.d/small; \
    groupadd --gid 10310 km3vo; \
    useradd --uid 10310 --gid km3vo --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin km3vo; \
    ./setup.sh server; \
    find $modules -depth -type d -name tests ! -path '*/astropy/tests' -exec rm -rf '{}' +; \
    rm -rf $modules/sympy; \
    find $modules/fontTools -type f ! -path '*/fontTools/__init__.py' ! -name agl.py ! -path '*/misc/*' -delete; \
    find $modules /usr/lib/python3.[0-9]* -depth -name __pycache__ -exec rm -rf '{}' +; \
    /usr/bin/python3 -W ignore -m compileall -q -j 2 --invalidation-mode unchecked-hash \
        $modules /usr/lib/python3.[0-9]*; \
    install -d -o km3vo -g km3vo -m 0755 /var/lib/km3vo; \
    install -d -o km3vo -g km3vo /settings; \
    find / -xdev -type f -perm /6000 -exec chmod a-s '{}' +; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /tmp/* /etc/machine-id \
        /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow-
COPY --from=packages /opt/km3vo ./
COPY . .
COPY docker/site.toml /etc/km3vo/
RUN set -eu; /usr/bin/python3 -m compileall -q -j 2 --invalidation-mode unchecked-hash ingest km3vo
ENV PATH=/opt/km3vo/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
    KM3VO_SITE=/etc/km3vo/site.toml KM3VO_VAR=/var/lib/km3vo/instance
USER 10310:10310
VOLUME ["/var/lib/km3vo"]
EXPOSE 8080
ENTRYPOINT ["km3vo"]
CMD ["instance", "run", "--import"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="KM3NeT VO server" \
      org.opencontainers.image.description="The Virtual Observatory node of KM3NeT: GAVO DaCHS with its event samples" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.vendor="KM3NeT Collaboration" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.created=$CREATED
