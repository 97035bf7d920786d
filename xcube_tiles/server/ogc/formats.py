"""Formats of pictures by their media types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.server.ogc.refusals import Refusal

if TYPE_CHECKING:
    from xcube_tiles.typing import ImageFormat

PICTURES: dict[str, ImageFormat] = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
"""Pictures."""

GEOTIFF = "image/tiff; application=geotiff"

FORMATS: dict[str, ImageFormat] = {**PICTURES, GEOTIFF: "tif"}
"""Pictures, and the values themselves."""

_ALSO: dict[str, ImageFormat] = {
    "image/jpg": "jpg",
    "image/tiff": "tif",
    "image/geotiff": "tif",
    **{name: name for name in ("png", "jpg", "webp", "tif")},
    "jpeg": "jpg",
}


def image_format(text: str, locator: str = "FORMAT") -> ImageFormat:
    """Return the format that a media type means; spaces and what else follows don't count.

    Examples
    --------
    >>> image_format("image/png; mode=8bit"), image_format("image/jpeg")
    ('png', 'jpg')
    """
    known = FORMATS | _ALSO
    plain = text.strip().lower()
    found = known.get(plain) or known.get(plain.partition(";")[0].strip())
    if found is None:
        raise Refusal(
            "format", f"no format {text!r}; the formats are {', '.join(FORMATS)}", locator
        )
    return found
