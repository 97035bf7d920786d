"""TileMatrixSets: those that are regular grids, and their CRSs."""

from __future__ import annotations

import morecantile
import pytest
from pyproj import CRS

from xcube_tiles.errors import GridError
from xcube_tiles.grid.matrixset import regular_tms, tms_crs, tms_names
from xcube_tiles.grid.scheme import ZoomedScheme

VARIABLE = {"CDB1GlobalGrid", "GNOSISGlobalGrid"}


def test_names_are_those_of_morecantile() -> None:
    assert set(tms_names()) | VARIABLE == set(morecantile.tms.list())
    assert not VARIABLE & set(tms_names())
    assert list(tms_names()) == sorted(tms_names())


@pytest.mark.parametrize("name", tms_names())
def test_crs_has_its_short_name(name: str) -> None:
    crs = tms_crs(regular_tms(name))
    assert str(crs).split(":")[0] in {"EPSG", "OGC"}
    assert crs.proj == CRS(morecantile.tms.get(name).crs.to_wkt())


@pytest.mark.parametrize("name", sorted(VARIABLE))
def test_variable_widths_are_refused(name: str) -> None:
    with pytest.raises(GridError, match=f"{name}' has variable matrix widths"):
        ZoomedScheme(name)


def test_bottom_left_corners_are_refused() -> None:
    document = morecantile.tms.get("WebMercatorQuad").model_dump(exclude_none=True)
    for matrix in document["tileMatrices"]:
        matrix["cornerOfOrigin"] = "bottomLeft"
    with pytest.raises(GridError, match=r"counts tiles from \['bottomLeft'\]; expected topLeft"):
        ZoomedScheme(morecantile.TileMatrixSet.model_validate(document))
