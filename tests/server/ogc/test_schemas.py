"""Answers against the schemas and DTDs of the standards themselves, which MapProxy carries."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.server.client import Client
from xcube_tiles.server.app import create_app

OFFICIAL = "http://schemas.opengis.net/"
XSD = {"xsd": "http://www.w3.org/2001/XMLSchema"}
# Two elements of it are named by the answers to GetFeatureInfo, which WMTS's schema includes.
GML = b"""<schema xmlns="http://www.w3.org/2001/XMLSchema"
  targetNamespace="http://www.opengis.net/gml"><element name="_FeatureCollection"/></schema>"""
WMS = "SERVICE=WMS&VERSION=1.3.0&REQUEST"
OLD = "SERVICE=WMS&VERSION=1.1.1&REQUEST"
BOX = "BBOX=0,0,1,1&WIDTH=9&HEIGHT=9&FORMAT=image/png&STYLES="


@cache
def folder() -> Path:
    """Return where the schemas lie; nothing of the package is imported."""
    found = importlib.util.find_spec("mapproxy")
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(next(iter(found.submodule_search_locations))) / "test" / "schemas"


class _Local(etree.Resolver):  # type: ignore[misc]  # lxml has no types
    def resolve(self, url: str, _: object, context: Any) -> Any:
        if not url.startswith(OFFICIAL):
            return None
        path = url.removeprefix(OFFICIAL)
        if path.startswith("gml/"):
            return self.resolve_string(GML, context)
        return self.resolve_filename(str(folder() / path), context)


@cache
def schema(path: str) -> Any:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Local())
    document = etree.parse(str(folder() / path), parser)
    # The schema's own words on limits are "From 0 to maxTileRow": its type for them is a mistake
    # that is known to everybody and was never mended, and no server can keep to it.
    limits = document.xpath("//xsd:element[@type='positiveInteger']", namespaces=XSD)
    for one in limits:
        if one.get("name") in ("MinTileRow", "MaxTileRow", "MinTileCol", "MaxTileCol"):
            one.set("type", "nonNegativeInteger")
    return etree.XMLSchema(document)


def check(client: Client, url: str, path: str) -> Any:
    """Return the root of an answer after it was validated."""
    body = client.get(url).content
    root = etree.fromstring(body)
    if path.endswith(".dtd"):
        with (folder() / path).open("rb") as file:
            rules: Any = etree.DTD(file)
    else:
        rules = schema(path)
    assert rules.validate(root), f"{rules.error_log}\n{body[:2000]!r}"
    return root


CAPABILITIES = {
    # It extends that of WMS 1.3.0 by GetLegendGraphic.
    f"/wms?{WMS}=GetCapabilities": "sld/1.1.0/sld_capabilities.xsd",
    f"/wms?{OLD}=GetCapabilities": "wms/1.1.1/capabilities_1_1_1.dtd",
    "/wmts/1.0.0/WMTSCapabilities.xml": "wmts/1.0/wmtsGetCapabilities_response.xsd",
}


@pytest.mark.parametrize(("url", "path"), CAPABILITIES.items())
def test_capabilities_with_layers_of_all_kinds(ogc: Client, url: str, path: str) -> None:
    root = check(ogc, url, path)
    names = {found.text for found in root.xpath("//*[local-name()='Layer']/*")}
    assert {"scene", "degrees", "laea", "fiji", "a & b <c>"} <= names


@pytest.mark.parametrize(("url", "path"), CAPABILITIES.items())
def test_capabilities_without_layers(url: str, path: str) -> None:
    root = check(Client(create_app()), url, path)
    assert b"scene" not in etree.tostring(root)


@pytest.mark.parametrize(
    "query",
    [
        f"{WMS}=GetMap",
        f"{WMS}=Nothing",
        f"{WMS}=GetMap&LAYERS=scene&CRS=EPSG:1&{BOX}",
        f"{WMS}=GetMap&LAYERS=no<>one&CRS=EPSG:3857&{BOX}",
        f"{WMS}=GetMap&LAYERS=scene&CRS=EPSG:3857&TIME=2000&{BOX}",
        f"{WMS}=GetFeatureInfo&LAYERS=scene&QUERY_LAYERS=scene&CRS=EPSG:3857&I=10&J=0&{BOX}",
        f"{WMS}=GetLegendGraphic&LAYER=scene&STYLE=%00%01",
    ],
)
def test_refusals_of_wms(ogc: Client, query: str) -> None:
    root = check(ogc, f"/wms?{query}", "wms/1.3.0/exceptions_1_3_0.xsd")
    assert root.xpath("string(*/@code)")
    old = query.replace("1.3.0", "1.1.1").replace("CRS=", "SRS=")
    root = check(ogc, f"/wms?{old}", "wms/1.1.1/exception_1_1_1.dtd")
    assert root.xpath("string(*/@code)")


@pytest.mark.parametrize(
    "url",
    [
        "/wmts?SERVICE=WMTS",
        "/wmts?SERVICE=WMTS&REQUEST=GetCapabilities&ACCEPTVERSIONS=9.9.9",
        "/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=none",
        "/wmts/1.0.0/scene/default/WebMercatorQuad/0/7/7.png",
        "/wmts/1.0.0/scene/default/None/0/0/0.png",
        "/wmts/1.0.0/scene/default/WebMercatorQuad/0/0/0.nothing",
        "/wmts/1.0.0/scene/default/WebMercatorQuad/0/0/0/999/0.json",
    ],
)
def test_refusals_of_wmts(ogc: Client, url: str) -> None:
    root = check(ogc, url, "ows/1.1.0/owsExceptionReport.xsd")
    assert root.xpath("string(*/@exceptionCode)")


def test_addresses_with_parameters_are_escaped(ogc: Client) -> None:
    for url, path in CAPABILITIES.items():
        joined = f"{url}{'&' if '?' in url else '?'}expression=a<b%26c&colormap=magma"
        root = check(ogc, joined, path)
        assert b"magma" in etree.tostring(root)


def test_the_schemas_would_find_a_mistake(ogc: Client) -> None:
    for url, path in CAPABILITIES.items():
        if path.endswith(".dtd"):
            continue
        root = check(ogc, url, path)
        layer = root.xpath("//*[local-name()='Layer'][last()]")[0]
        layer.append(layer[0])  # a name or a title after all else
        assert not schema(path).validate(root)
