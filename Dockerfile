# GRPS without the portal: one image, and a role as its argument (docs/run-container.md).
#   docker build --tag grps .
#   docker run --env-file .env.production grps web
# BASE needs Python 3.12 or 3.13 with pip, and apt.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
# Strips debugging symbols, which are 20 MB of the compiled packages.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends binutils
WORKDIR /build
COPY requirements.txt ./
# Wheels only, so that no compiler is needed. Nothing but English is shown, so other languages go.
RUN python3 -m venv --without-pip /opt/venv \
 && python3 -m pip --python /opt/venv install --no-cache-dir --no-compile \
    --only-binary=:all: --requirement requirements.txt \
 && find /opt/venv -name '*.so*' -type f -exec strip --strip-unneeded {} + \
 && find /opt/venv -path '*/locale/*/LC_MESSAGES' ! -path '*/locale/en/*' -prune -exec rm -r {} +
WORKDIR /opt/grps
COPY . .
# Compiles the modules that the processes import, and no others. Throw-away settings: no secret of
# production is needed or kept.
RUN GRPS_ENV=production PATH=/opt/venv/bin:$PATH python3 -m deploy.image_files

FROM ${BASE} AS grps
ARG VERSION=unknown
LABEL org.opencontainers.image.title="GRPS" \
      org.opencontainers.image.version="${VERSION}"
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin grps \
 && install --directory --owner=grps --group=grps --mode=0700 /var/lib/grps
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/grps /opt/grps
WORKDIR /opt/grps
ENV PATH=/opt/venv/bin:$PATH \
    GRPS_ENV=production \
    PROMETHEUS_MULTIPROC_DIR=/tmp/grps-metrics \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8000
VOLUME /var/lib/grps
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python3", "-m", "deploy.healthcheck"]
ENTRYPOINT ["python3", "-m", "deploy.role"]
CMD ["web"]

# docker build --target backup: with the programs that `manage.py backup` calls. PostgreSQL's own
# packages, since those of Debian may be older than the server.
FROM grps AS backup
USER 0
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
 && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
 && apt-get install --yes --no-install-recommends postgresql-client-18 \
 && rm -rf /var/lib/apt/lists/*
USER 10001
HEALTHCHECK NONE

FROM grps
