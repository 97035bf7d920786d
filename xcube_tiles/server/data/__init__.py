"""Routes that answer with values: regions cut out, series through time, statistics."""

from fastapi import APIRouter

from xcube_tiles.server.data import crops, series, statistics

router = APIRouter(prefix="/layers/{layer}", tags=["values"])
for part in (crops, series, statistics):
    router.include_router(part.router)
