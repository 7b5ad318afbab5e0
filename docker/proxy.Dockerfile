# The proxy: nginx of Debian, with the settings that "km3vo instance proxy" makes.
# docker/README.md explains how images are made.
ARG BASE=docker.io/library/debian:trixie-slim

FROM $BASE
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /opt/km3vo
COPY setup.sh ./
RUN set -eu; \
    printf 'path-exclude=%s\n' '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/locale/*' '/usr/share/info/*' \
        > /etc/dpkg/dpkg.cfg.d/small; \
    printf 'path-include=%s\n' '/usr/share/doc/*/copyright' >> /etc/dpkg/dpkg.cfg.d/small; \
    groupadd --gid 10312 proxy-km3vo; \
    useradd --uid 10312 --gid proxy-km3vo --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin proxy-km3vo; \
    ./setup.sh proxy; rm setup.sh; \
    install -d -o proxy-km3vo -g proxy-km3vo -m 0750 /var/cache/km3vo-proxy; \
    install -d /settings /etc/km3vo/tls; \
    find / -xdev -type f -perm /6000 -exec chmod a-s '{}' +; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf /var/cache/ldconfig /var/log/* /tmp/* /etc/machine-id \
        /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow-
ENV LANG=C.UTF-8 HOME=/tmp
USER 10312:10312
VOLUME ["/var/cache/km3vo-proxy"]
EXPOSE 8080 8443
# Requests that run are answered first.
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/usr/sbin/nginx", "-e", "stderr", "-c", "/settings/nginx.conf", "-g", "daemon off;"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="KM3NeT VO proxy" \
      org.opencontainers.image.description="nginx in front of the Virtual Observatory node of KM3NeT" \
      org.opencontainers.image.licenses="BSD-2-Clause AND BSD-3-Clause" \
      org.opencontainers.image.vendor="KM3NeT Collaboration" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.created=$CREATED
