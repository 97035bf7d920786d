"""The routes of Terracotta over one shelf of rasters."""

from __future__ import annotations

from functools import partial
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from xcube_tiles.render.terracotta.picture import legend
from xcube_tiles.server.errors import problem
from xcube_tiles.server.terracotta import drawing, params
from xcube_tiles.server.terracotta.answers import (
    KNOWN_ERRORS,
    NotThereError,
    failure,
    json_answer,
    picture_answer,
    sees,
    values_in,
)
from xcube_tiles.server.terracotta.params import BadRequestError
from xcube_tiles.server.terracotta.specification import page, specification
from xcube_tiles.sources.terracotta_record import COLUMNS, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request

    from xcube_tiles.server.terracotta.shelf import Shelf
    from xcube_tiles.sources.terracotta import Texts
    from xcube_tiles.sources.terracotta_table import KeyedRasters

_TILE = "{z:int}/{x:int}/{y:int}.png"
_PREVIEW = "preview.png"
_SORTED_BY_OTHER = ("path",)


def rasters_router(shelf: Shelf, name: str, prefix: str = "") -> APIRouter:
    """Return the routes of Terracotta.

    Parameters
    ----------
    shelf
        The rasters.
    name
        Name that API keys give them.
    prefix
        Where the routes lie, such as `/terracotta/images`; empty: at the root.
    """
    routes = _Routes(shelf, name, prefix)
    router = APIRouter()
    plain: tuple[tuple[str, Callable[[Request], Response]], ...] = (
        ("/keys", routes.keys),
        ("/datasets", routes.datasets),
        ("/metadata/{keys:path}", routes.metadata),
        ("/colormap", routes.colormap),
        ("/swagger.json", routes.swagger),
        ("/apidoc", routes.apidoc),
    )
    for path, answer in plain:
        router.add_route(prefix + path, routes.guarded(answer), methods=["GET"])
    router.add_route(f"{prefix}/metadata", routes.many_metadata, methods=["POST"])
    drawn = {"singleband": routes.singleband, "rgb": routes.rgb, "compute": routes.compute}
    for kind, draw in drawn.items():
        starts = [f"{prefix}/{kind}/{{keys:path}}"]
        if kind != "singleband":
            starts.insert(0, f"{prefix}/{kind}")  # of a single key nothing stands before the tile
        for start in starts:
            for end in (_TILE, _PREVIEW):
                tiled = end == _TILE
                answer = routes.guarded(partial(draw, tiled=tiled))
                router.add_route(f"{start}/{end}", answer, methods=["GET"])
    return router


class _Routes:
    """Each method answers one route; what it raises becomes an answer in `guarded`."""

    def __init__(self, shelf: Shelf, name: str, prefix: str) -> None:
        self._shelf, self._name, self._prefix = shelf, name, prefix

    def guarded(self, answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            if not sees(request, self._name):
                return problem(404, f"there is nothing at {request.url.path}")
            try:
                return answer(request)
            except KNOWN_ERRORS as error:
                return failure(error)

        return endpoint

    def keys(self, request: Request) -> Response:
        rasters = self._shelf.now()
        said = rasters.descriptions
        named = [
            {"key": key, **({"description": said[key]} if key in said else {})}
            for key in rasters.keys
        ]
        return json_answer({"keys": named})

    def datasets(self, request: Request) -> Response:
        self._shelf.check()
        rasters = self._shelf.now()
        query = request.query_params
        limit, start = params.page_of(query)
        options = {"limit", "page", "order_by", "ascending"} - set(rasters.keys)
        conditions = {
            name: [query[name], *params.list_of(query[name])]
            for name in dict.fromkeys(query.keys())
            if name not in options
        }
        found = rasters.select(conditions)
        found = _sorted(rasters, found, query.get("order_by"))
        if not params.truth_of(query, "ascending", default=True):
            found.reverse()
        shown = found[start * limit : (start + 1) * limit]
        rows = [dict(zip(rasters.keys, texts, strict=True)) for texts in shown]
        return json_answer({"page": start, "limit": limit, "total": len(found), "datasets": rows})

    def metadata(self, request: Request) -> Response:
        rasters = self._shelf.now()
        columns = params.columns_of(request.query_params, COLUMNS)
        values = values_in(request, f"{self._prefix}/metadata", after=0)
        return json_answer(self._record(rasters, self._found(rasters, values), columns))

    async def many_metadata(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            text = f"expected a body of type application/json, got {kind or 'none'}"
            return problem(415, text, more={"message": text})
        try:
            body: object = await request.json()
        except (JSONDecodeError, UnicodeDecodeError, RecursionError):
            return failure(BadRequestError("the body is no JSON"))
        answer = self.guarded(partial(self._posted, body=body))
        return await run_in_threadpool(answer, request)

    def _posted(self, request: Request, body: object) -> Response:
        rasters = self._shelf.now()
        columns = params.columns_of(request.query_params, COLUMNS)
        wanted = params.posted_keys(body, self._shelf.options.most_posted)
        found = [self._found(rasters, values) for values in wanted]
        return json_answer([self._record(rasters, texts, columns) for texts in found])

    def _record(
        self, rasters: KeyedRasters, texts: Texts, columns: Sequence[str]
    ) -> dict[str, Any]:
        statistics = self._shelf.statistics(rasters, texts)
        record = record_of(statistics, rasters.extras.get(texts))
        keys = dict(zip(rasters.keys, texts, strict=True))
        return {"keys": keys, **{name: record[name] for name in columns}}

    def singleband(self, request: Request, *, tiled: bool) -> Response:
        rasters = self._shelf.now()
        values = values_in(request, f"{self._prefix}/singleband", after=3 if tiled else 1)
        texts = self._found(rasters, values)
        asked = drawing.singleband_of(request.query_params, self._shelf.options)
        make = partial(drawing.singleband, self._shelf, rasters, texts, asked, _tile(request))
        return picture_answer(request, self._shelf, rasters, [texts], make)

    def rgb(self, request: Request, *, tiled: bool) -> Response:
        rasters = self._shelf.now()
        asked = drawing.rgb_of(request.query_params, self._shelf.options)
        shown = self._last(request, rasters, "rgb", asked.bands, tiled=tiled)
        make = partial(drawing.rgb, self._shelf, rasters, shown, asked, _tile(request))
        return picture_answer(request, self._shelf, rasters, shown, make)

    def compute(self, request: Request, *, tiled: bool) -> Response:
        rasters = self._shelf.now()
        limits = request.app.state.limits
        asked = drawing.compute_of(
            request.query_params, self._shelf.options, most=limits.expression_length
        )
        shown = self._last(request, rasters, "compute", asked.bands, tiled=tiled)
        make = partial(drawing.compute, self._shelf, rasters, shown, asked, _tile(request))
        return picture_answer(request, self._shelf, rasters, shown, make)

    def colormap(self, request: Request) -> Response:
        query = request.query_params
        folder = self._shelf.options.colormap_folder
        low, high = params.numbers_of(query, "stretch_range")
        name = params.colormap_of(query, folder)
        number = params.whole_of(query, "num_values", default=255, most=params.MOST_VALUES)
        return json_answer({"colormap": legend(name, low, high, number, folder)})

    def swagger(self, request: Request) -> Response:
        return json_answer(self._specification(request))

    def apidoc(self, request: Request) -> Response:
        return HTMLResponse(page(self._specification(request)))

    def _specification(self, request: Request) -> dict[str, Any]:
        root = request.scope.get("root_path", "") + self._prefix
        folder = self._shelf.options.colormap_folder
        return specification(self._shelf.now().keys, root=root, folder=folder)

    def _found(self, rasters: KeyedRasters, values: Sequence[str]) -> Texts:
        if len(values) != len(rasters.keys):
            raise BadRequestError(
                f"wrong number of keys: expected {', '.join(rasters.keys)}, got {len(values)} "
                "values"
            )
        texts = rasters.find(values)
        if texts is None:
            self._shelf.check()  # the database may have it
            pairs = zip(rasters.keys, values, strict=True)
            named = ", ".join(f"{key}={value}" for key, value in pairs)
            raise NotThereError(f"no dataset found with {named}")
        return texts

    def _last(
        self,
        request: Request,
        rasters: KeyedRasters,
        kind: str,
        bands: Sequence[str],
        *,
        tiled: bool,
    ) -> list[Texts]:
        """Return the rasters that have the keys of a path and, as the last one, each band."""
        values = values_in(request, f"{self._prefix}/{kind}", after=3 if tiled else 1)
        if len(values) != len(rasters.keys) - 1:
            raise BadRequestError(
                f"must specify all keys except the last one: {', '.join(rasters.keys[:-1])}; got "
                f"{len(values)} values"
            )
        return [self._found(rasters, [*values, band]) for band in bands]


def _tile(request: Request) -> tuple[int, int, int] | None:
    path = request.path_params
    return (path["z"], path["x"], path["y"]) if "z" in path else None


def _sorted(rasters: KeyedRasters, found: list[Texts], order: str | None) -> list[Texts]:
    if order is None:
        return list(found)
    names = params.list_of(order)
    unknown = [name for name in names if name not in (*rasters.keys, *_SORTED_BY_OTHER)]
    if unknown:
        raise BadRequestError(
            f"order_by: unrecognized keys: {', '.join(unknown)}; the keys are "
            f"{', '.join(rasters.keys)}"
        )

    def rank(texts: Texts) -> list[str]:
        row = dict(zip(rasters.keys, texts, strict=True))
        return [row[name] if name in row else rasters[texts].path for name in names]

    return sorted(found, key=rank)
