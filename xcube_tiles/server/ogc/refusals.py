"""Refusals of requests, the codes that each service has for them, and the XML that tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, TypeAlias

from fastapi import Response

from xcube_tiles import errors
from xcube_tiles.errors import XcubeTilesError
from xcube_tiles.server.errors import problem_of
from xcube_tiles.server.ogc.xml import document, element

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

Kind: TypeAlias = Literal[
    "missing", "invalid", "operation", "version", "layer", "query", "style", "crs", "format",
    "time", "tile", "point", "failure",
]  # fmt: skip
"""What is wrong with a request."""


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of this program
    """A request that is refused.

    Parameters
    ----------
    kind
        What is wrong.
    text
        What is wrong and what to do, for people.
    locator
        Name of the parameter.
    status
        HTTP status.
    """

    def __init__(
        self, kind: Kind, text: str, locator: str | None = None, status: int = 400
    ) -> None:
        super().__init__(text)
        self.kind = kind
        self.locator = locator
        self.status = status


# WMS 1.3.0 (OGC 06-042), table E.1; where it has no code, those of OWS Common.
WMS_CODES: dict[Kind, str] = {
    "missing": "MissingParameterValue",
    "invalid": "InvalidParameterValue",
    "operation": "OperationNotSupported",
    "version": "VersionNegotiationFailed",
    "layer": "LayerNotDefined",
    "query": "LayerNotQueryable",
    "style": "StyleNotDefined",
    "crs": "InvalidCRS",
    "format": "InvalidFormat",
    "time": "InvalidDimensionValue",
    "tile": "InvalidParameterValue",
    "point": "InvalidPoint",
    "failure": "NoApplicableCode",
}

# WMTS 1.0.0 (OGC 07-057r7), tables 20, 24 and 29.
WMTS_CODES: dict[Kind, str] = {
    **dict.fromkeys(WMS_CODES, "InvalidParameterValue"),
    "missing": "MissingParameterValue",
    "operation": "OperationNotSupported",
    "version": "VersionNegotiationFailed",
    "tile": "TileOutOfRange",
    "point": "PointIJOutOfRange",
    "failure": "NoApplicableCode",
}

# What is found to be wrong far from where a service's own name for it is known.
_WMS_NAMES = {"layer": "LAYERS", "style": "STYLES", "time": "TIME"}
_WMTS_NAMES = {"layer": "Layer", "style": "Style", "time": "Time"}

# The first class that fits counts.
_KINDS: tuple[tuple[type[XcubeTilesError], Kind, str | None], ...] = (
    (errors.LayerNotFoundError, "layer", "layer"),
    (errors.DimensionError, "time", "time"),
    (errors.StyleError, "invalid", None),
    (errors.ExpressionError, "invalid", "expression"),
    (errors.GridError, "invalid", None),
)


def refusal_of(error: XcubeTilesError) -> Refusal:
    """Return the refusal that an error of ours means; what no request can help is a failure."""
    for kind_of_error, kind, locator in _KINDS:
        if isinstance(error, kind_of_error):
            return Refusal(kind, str(error), locator)
    # What the texts of such errors may hold is for the log alone: one place decides that.
    told = problem_of(error)
    return Refusal("failure", json.loads(bytes(told.body))["detail"], status=told.status_code)


def guarded(answer: Callable[[], Response], report: Callable[[Refusal], Response]) -> Response:
    """Return an answer, or the report that tells why there is none."""
    try:
        return answer()
    except Refusal as refusal:
        return report(refusal)
    except XcubeTilesError as error:
        return report(refusal_of(error))


def wms_report(refusal: Refusal, version: str) -> Response:
    """Return a service exception report of WMS 1.3.0 or 1.1.1."""
    modern = version == "1.3.0"
    code = WMS_CODES[refusal.kind]
    if refusal.kind == "crs" and not modern:
        code = "InvalidSRS"
    root = element(
        "ServiceExceptionReport",
        element(
            "ServiceException",
            str(refusal),
            attributes={"code": code, "locator": _named(refusal, _WMS_NAMES) if modern else None},
        ),
        attributes={
            "version": version,
            "xmlns": "http://www.opengis.net/ogc" if modern else None,
        },
    )
    return _response(root, refusal, "text/xml" if modern else "application/vnd.ogc.se_xml")


def wmts_report(refusal: Refusal) -> Response:
    """Return an exception report of OWS Common 1.1, as WMTS 1.0.0 has them."""
    root = element(
        "ows:ExceptionReport",
        element(
            "ows:Exception",
            element("ows:ExceptionText", str(refusal)),
            attributes={
                "exceptionCode": WMTS_CODES[refusal.kind],
                "locator": _named(refusal, _WMTS_NAMES),
            },
        ),
        attributes={
            "xmlns:ows": "http://www.opengis.net/ows/1.1",
            "version": "1.1.0",
            "xml:lang": "en",
        },
    )
    return _response(root, refusal, "text/xml")


def _named(refusal: Refusal, names: dict[str, str]) -> str | None:
    return names.get(refusal.locator or "", refusal.locator)


def _response(root: Element, refusal: Refusal, media_type: str) -> Response:
    # An error must not outlive its cause in a cache.
    return Response(
        document(root),
        status_code=refusal.status,
        media_type=media_type,
        headers={"Cache-Control": "no-store"},
    )
