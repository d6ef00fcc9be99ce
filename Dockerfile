# syntax=docker/dockerfile:1

# The interpreter of both stages must be the same: the environment is copied from one to the other.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/tierstream /opt/builder
WORKDIR /src

# Dependencies first: their layer changes only with the lock files.
COPY requirements/runtime.lock requirements/build-compiled.lock requirements/build-compiled.in \
     requirements/
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/* \
 && /opt/tierstream/bin/pip install --require-hashes --only-binary :all: -r requirements/runtime.lock \
 && /opt/builder/bin/pip install --require-hashes --only-binary :all: \
    -r requirements/build-compiled.lock

COPY pyproject.toml setup.py README.md LICENSE ./
COPY scoring scoring
COPY handlers handlers
COPY config config
COPY words words
COPY streams streams
COPY serving serving
COPY devtools devtools
COPY cli cli
COPY tierstream_client tierstream_client
# 1 compiles the core. The compiler stays behind in this stage.
ARG TIERSTREAM_COMPILE=0
RUN TIERSTREAM_COMPILE=${TIERSTREAM_COMPILE} /opt/builder/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/tierstream/bin/pip install --no-deps --no-index /wheels/*.whl \
 && /opt/tierstream/bin/pip check \
 && /opt/tierstream/bin/pip uninstall -y pip setuptools

FROM ${PYTHON}
LABEL org.opencontainers.image.title="Tierstream" \
      org.opencontainers.image.description="Customer tiers, dormancy alerts and live profiles from a stream of events" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/tierstream --create-home \
    --shell /usr/sbin/nologin tierstream \
 && install --directory --owner=tierstream --group=tierstream --mode=0750 /reports
COPY --from=build /opt/tierstream /opt/tierstream
ENV PATH=/opt/tierstream/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER tierstream
WORKDIR /var/lib/tierstream
EXPOSE 8080
# The worker releases its partitions in an orderly way when it is asked to end.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('TIERSTREAM_HTTP_PORT', '8080') + '/livez', timeout=4)"]
ENTRYPOINT ["tierstream"]
CMD ["worker"]
