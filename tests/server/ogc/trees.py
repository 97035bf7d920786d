"""XML answers as trees, and the order that the standards' schemas demand of children."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    import httpx

WMS = {"w": "http://www.opengis.net/wms", "x": "http://www.w3.org/1999/xlink"}
WMTS = {"m": "http://www.opengis.net/wmts/1.0", "o": "http://www.opengis.net/ows/1.1"}
HREF = "{http://www.w3.org/1999/xlink}href"

# capabilities_1_3_0.xsd: each complex type is a sequence.
WMS_ORDER = {
    "WMS_Capabilities": ["Service", "Capability"],
    "Service": [
        "Name", "Title", "Abstract", "KeywordList", "OnlineResource", "ContactInformation", "Fees",
        "AccessConstraints", "LayerLimit", "MaxWidth", "MaxHeight",
    ],
    "Capability": ["Request", "Exception", "Layer"],
    "Request": ["GetCapabilities", "GetMap", "GetFeatureInfo", "GetLegendGraphic"],
    "GetMap": ["Format", "DCPType"],
    "Layer": [
        "Name", "Title", "Abstract", "KeywordList", "CRS", "EX_GeographicBoundingBox",
        "BoundingBox", "Dimension", "Attribution", "Style", "MinScaleDenominator", "Layer",
    ],
    "EX_GeographicBoundingBox": [
        "westBoundLongitude", "eastBoundLongitude", "southBoundLatitude", "northBoundLatitude",
    ],
    "Style": ["Name", "Title", "Abstract", "LegendURL"],
    "LegendURL": ["Format", "OnlineResource"],
}  # fmt: skip

# capabilities_1_1_1.dtd
WMS_OLD_ORDER = {
    "WMT_MS_Capabilities": ["Service", "Capability"],
    "Service": [
        "Name", "Title", "Abstract", "KeywordList", "OnlineResource", "ContactInformation", "Fees",
        "AccessConstraints",
    ],
    "Capability": ["Request", "Exception", "Layer"],
    "Layer": [
        "Name", "Title", "Abstract", "KeywordList", "SRS", "LatLonBoundingBox", "BoundingBox",
        "Dimension", "Extent", "Attribution", "Style", "ScaleHint", "Layer",
    ],
}  # fmt: skip

# wmtsGetCapabilities_response.xsd, owsServiceIdentification.xsd, owsDataIdentification.xsd
WMTS_ORDER = {
    "Capabilities": [
        "ServiceIdentification", "ServiceProvider", "OperationsMetadata", "Contents", "Themes",
        "ServiceMetadataURL",
    ],
    "ServiceIdentification": ["Title", "Abstract", "ServiceType", "ServiceTypeVersion"],
    "Contents": ["Layer", "TileMatrixSet"],
    "Layer": [
        "Title", "Abstract", "Keywords", "WGS84BoundingBox", "Identifier", "BoundingBox",
        "Metadata", "Style", "Format", "InfoFormat", "Dimension", "TileMatrixSetLink",
        "ResourceURL",
    ],
    "Style": ["Title", "Abstract", "Identifier", "LegendURL"],
    "Dimension": ["Identifier", "UOM", "UnitSymbol", "Default", "Current", "Value"],
    "TileMatrixSetLink": ["TileMatrixSet", "TileMatrixSetLimits"],
    "TileMatrixLimits": ["TileMatrix", "MinTileRow", "MaxTileRow", "MinTileCol", "MaxTileCol"],
    "TileMatrixSet": [
        "Title", "Abstract", "Identifier", "BoundingBox", "SupportedCRS", "WellKnownScaleSet",
        "TileMatrix",
    ],
    "TileMatrix": [
        "Title", "Identifier", "ScaleDenominator", "TopLeftCorner", "TileWidth", "TileHeight",
        "MatrixWidth", "MatrixHeight",
    ],
}  # fmt: skip


def tree(answer: httpx.Response, media_type: str = "text/xml") -> ET.Element:
    """Return the tree of an XML answer."""
    assert answer.headers["content-type"].partition(";")[0] == media_type, answer.text
    return ET.fromstring(answer.content)


def plain(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2]


def check_order(root: ET.Element, order: dict[str, list[str]]) -> int:
    """Check that all children are known and in order; returns how many elements were checked."""
    checked = 0
    for found in root.iter():
        names = [plain(child.tag) for child in found]
        known = order.get(plain(found.tag))
        if known is None or not names:
            continue
        places = [known.index(name) for name in names]
        assert places == sorted(places), f"{plain(found.tag)}: {names}"
        checked += 1
    return checked


def texts(root: ET.Element, path: str, names: dict[str, str]) -> list[str]:
    """Return the texts of all elements at a path."""
    return [found.text or "" for found in root.findall(path, names)]


def wms_refusal(answer: httpx.Response) -> tuple[int, str | None, str | None, str]:
    """Return status, code, locator and text of a service exception."""
    root = tree(answer)
    assert root.tag == "{http://www.opengis.net/ogc}ServiceExceptionReport"
    (found,) = root
    return answer.status_code, found.get("code"), found.get("locator"), found.text or ""


def wmts_refusal(answer: httpx.Response) -> tuple[int, str | None, str | None, str]:
    """Return status, code, locator and text of an exception of OWS Common."""
    root = tree(answer)
    assert root.tag == f"{{{WMTS['o']}}}ExceptionReport"
    (found,) = root
    (text,) = found
    return answer.status_code, found.get("exceptionCode"), found.get("locator"), text.text or ""
