# The tile server in a container: docker build -t xcube-tiles .
#
# docker run -p 8000:8000 -e XCUBE_TILES_CATALOG=/data/catalog.zarr -v "$PWD:/data:ro" xcube-tiles
FROM node:22-slim AS page
WORKDIR /source/viewer
COPY viewer/package.json viewer/.npmrc ./
RUN npm install
COPY viewer ./
RUN npm run build

FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY xcube_tiles ./xcube_tiles
COPY --from=page /source/xcube_tiles/server/static ./xcube_tiles/server/static
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir ".[server,cloud,sql,redis]"

FROM python:3.12-slim
# GDAL, in the wheel of rasterio, takes this library from the system.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libexpat1 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tiles
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    # numba keeps what it compiles; nothing else is written to.
    NUMBA_CACHE_DIR=/tmp/numba \
    XCUBE_TILES_HOST=0.0.0.0 \
    XCUBE_TILES_PORT=8000 \
    XCUBE_TILES_LOG=json
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"XCUBE_TILES_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["xcube-tiles", "serve"]
