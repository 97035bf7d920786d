"""The demo: from files to a map in steps, each of which runs the code that it shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

from xcube_tiles.testing.scene import PATTERN

if TYPE_CHECKING:
    from pathlib import Path

CATALOG = "catalog.zarr"
"""Name of the catalog in the folder of the demo."""

SCRIPT = "demo.py"
"""Name of the file with the code of all steps."""

_SETTINGS = "demo.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the demo."""

    title: str
    """What it does, in some words."""

    text: str
    """What there is to know about it."""

    code: str
    """Python code; it needs the names that steps before have made, and no others."""

    makes: Path | None = None
    """What the step leaves on disk, complete as soon as it exists; None: nothing."""

    @property
    def is_done(self) -> bool:
        """Whether what the step makes is there already."""
        return self.makes is not None and self.makes.exists()


class Demo:
    """The demo in one folder, which it makes its own.

    Parameters
    ----------
    folder
        Where all of it lies; made if absent.
    size
        Cells per edge of the scene.
    dates
        Number of images, 1 to 73.

    Raises
    ------
    FileExistsError
        The folder holds something else, or a scene of other size or dates.

    Examples
    --------
    >>> from pathlib import Path
    >>> demo = Demo(Path("demo-data"), size=64, dates=2)
    >>> [step.title for step in demo.steps][:2]
    ['Make a scene', 'Find the files']
    >>> demo.run(demo.steps[0])
    True
    >>> demo.run(demo.steps[0])  # it is there
    False
    """

    def __init__(self, folder: Path, *, size: int, dates: int) -> None:
        self.folder = folder
        self.steps = _steps(folder, size, dates)
        self._names: dict[str, object] = {"__name__": "__main__"}
        self._claim({"size": size, "dates": dates})

    @property
    def catalog(self) -> Path:
        """Path of the catalog."""
        return self.folder / CATALOG

    @property
    def images(self) -> str:
        """Pattern of the images."""
        return f"{_escaped(self.folder)}/{PATTERN}".replace("{type}", "reflectance")

    @property
    def script(self) -> Path:
        """Path of a file with the code of all steps."""
        return self.folder / SCRIPT

    def run(self, step: Step) -> bool:
        """Run the code of a step, unless what it makes is there; return whether it ran."""
        if step.is_done:
            return False
        exec(compile(step.code, f"<{step.title}>", "exec"), self._names)
        return True

    def _claim(self, settings: dict[str, int]) -> None:
        note = self.folder / _SETTINGS
        if note.exists():
            found = json.loads(note.read_text())
            if found != settings:
                raise FileExistsError(
                    f"{self.folder} holds a demo with size {found['size']} and {found['dates']} "
                    f"dates; ask for the same, name another folder, or delete it"
                )
        elif self.folder.exists() and any(self.folder.iterdir()):
            raise FileExistsError(
                f"{self.folder} isn't empty and holds no demo; name another folder"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(settings))
        self.script.write_text("\n\n".join(f"# {step.title}\n{step.code}" for step in self.steps))


class _Template(NamedTuple):
    title: str
    text: str
    code: str
    makes: str | None = None


def _steps(folder: Path, size: int, dates: int) -> tuple[Step, ...]:
    values = {
        "folder": _literal(folder),
        "size": size,
        "dates": dates,
        "pattern": _literal(f"{_escaped(folder)}/{PATTERN}"),
        "elevation": _literal(folder / "terrain" / "DEM_demo_dem.tif"),
        "catalog": _literal(folder / CATALOG),
    }
    return tuple(
        Step(
            title=template.title,
            text=template.text,
            code=dedent(template.code).strip().format(**values) + "\n",
            makes=None if template.makes is None else folder / template.makes,
        )
        for template in _TEMPLATES
    )


def _literal(path: Path | str) -> str:
    # A text in JSON is one in Python, too, and has double quotes as the rest of the code.
    return json.dumps(str(path), ensure_ascii=False)


def _escaped(folder: Path) -> str:
    return folder.as_posix().replace("{", "{{").replace("}", "}}")


_TEMPLATES = (
    _Template(
        "Make a scene",
        "A year of satellite images of a landscape that doesn't exist: cloud-optimised GeoTIFFs "
        "of four bands, cloud masks, an elevation model, and a STAC catalog of all of it.",
        """
        from xcube_tiles.testing.scene import write_scene

        write_scene({folder}, size={size}, dates={dates})
        """,
        makes="catalog.json",
    ),
    _Template(
        "Find the files",
        "The words in braces are keys. Their values are read off the paths.",
        """
        import xcube_tiles as xt

        files = xt.scan({pattern})
        print(files)
        """,
    ),
    _Template(
        "See them as cubes",
        "Images are one cube, masks another: xarray Datasets, of which no cell is read yet.",
        """
        tree = files.to_tree(by="type")
        images, masks = tree["reflectance"].to_dataset(), tree["masks"].to_dataset()
        print(images.tiles)
        """,
    ),
    _Template(
        "Look through the clouds",
        "Cloudy cells become NoData. The median over time is then a picture without clouds.",
        """
        clear = images.tiles.mask(masks.cloud, values=[1])
        median = clear.tiles.reduce("time", "median")
        """,
    ),
    _Template(
        "Compute vegetation and relief",
        "Band mathematics on the median, and light from the north-west on the elevation model.",
        """
        ndvi = median.tiles.expression("(nir - red) / (nir + red)", name="ndvi")

        terrain = xt.Collection().add({elevation}, band="elevation").to_cube()
        relief = terrain.elevation.tiles.hillshade(azimuth=315, altitude=45)
        """,
    ),
    _Template(
        "Make a pyramid",
        "The same raster at halving resolutions; this is lazy, too.",
        """
        pyramid = ndvi.tiles.pyramid(resampling="mean")
        for level in pyramid.children.values():
            print(level.name, dict(level.sizes))
        """,
    ),
    _Template(
        "Store the median",
        "Only now is it computed: block by block, and all levels in one pass. What is written is "
        "Zarr, which xarray, rioxarray and GDAL read without this package.",
        """
        print(median.tiles.to_catalog({catalog}, "median", overwrite=True))
        """,
        makes=f"{CATALOG}/median",
    ),
    _Template(
        "Store the vegetation index",
        "A pyramid is written as it is.",
        """
        print(pyramid.tiles.to_catalog({catalog}, "ndvi", overwrite=True))
        """,
        makes=f"{CATALOG}/ndvi",
    ),
    _Template(
        "Store the relief",
        "A catalog takes any number of layers, each with a grid of its own.",
        """
        print(relief.tiles.to_catalog({catalog}, "relief", overwrite=True))
        """,
        makes=f"{CATALOG}/relief",
    ),
)
