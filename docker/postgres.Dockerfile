# The database: PostgreSQL of Debian with the extensions for geometry on the sphere.
# docker/README.md explains how images are made.
ARG BASE=docker.io/library/debian:trixie-slim

FROM $BASE
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /opt/km3vo
COPY setup.sh ./
# No cluster is made when the package is installed. Queries are not compiled (jit is off), so the
# compiler is left out, which is a third of the packages.
RUN set -eu; \
    printf 'path-exclude=%s\n' '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/locale/*' '/usr/share/info/*' \
        '/usr/lib/*/libLLVM*' '/usr/lib/llvm-*' '/usr/lib/postgresql/*/lib/bitcode/*' > /etc/dpkg/dpkg.cfg.d/small; \
    printf 'path-include=%s\n' '/usr/share/doc/*/copyright' >> /etc/dpkg/dpkg.cfg.d/small; \
    groupadd --gid 10311 postgres; \
    useradd --uid 10311 --gid postgres --no-create-home --home-dir /var/lib/postgresql --shell /usr/sbin/nologin postgres; \
    install -d /etc/postgresql-common; echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; \
    ./setup.sh database; rm setup.sh; \
    install -d -o postgres -g postgres -m 0750 /var/lib/postgresql; install -d /settings; \
    find / -xdev -type f -perm /6000 -exec chmod a-s '{}' +; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /tmp/* /etc/machine-id \
        /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow-
COPY docker/postgres.sh ./
ENV LANG=C.UTF-8 HOME=/tmp
USER 10311:10311
VOLUME ["/var/lib/postgresql"]
EXPOSE 5432
# A fast shutdown: open transactions are rolled back.
STOPSIGNAL SIGINT
ENTRYPOINT ["/opt/km3vo/postgres.sh"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="KM3NeT VO database" \
      org.opencontainers.image.description="PostgreSQL with q3c and pgSphere" \
      org.opencontainers.image.licenses="PostgreSQL AND BSD-3-Clause" \
      org.opencontainers.image.vendor="KM3NeT Collaboration" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.created=$CREATED
