"""Services by the standards of the Open Geospatial Consortium: WMS, WMTS, OGC API - Tiles."""

from fastapi import APIRouter

from xcube_tiles.server.ogc import tiles_api, wms, wmts

__all__ = ["router"]

router = APIRouter()
for _part in (wms.router, wmts.router, tiles_api.router):
    router.include_router(_part)
