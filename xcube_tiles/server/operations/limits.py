"""What a request may ask for at most: one model, given to every route that needs it."""

from __future__ import annotations

import ast
from functools import lru_cache

from fastapi import Request  # noqa: TC002  # FastAPI reads it
from pydantic import BaseModel, ConfigDict, Field

from xcube_tiles.algebra.expression_syntax import parse
from xcube_tiles.errors import ExpressionError, SizeLimitError
from xcube_tiles.server.params import LARGEST_SIZE, SMALLEST_SIZE


class Limits(BaseModel):
    """What a request may ask for at most, and how many of them are answered at once.

    A route takes it as `limits: Annotated[Limits, Depends(limits_of)]`.

    Examples
    --------
    >>> Limits(tile_size=512).check("tile_size", 1024)
    Traceback (most recent call last):
      ...
    xcube_tiles.errors.SizeLimitError: at most 512 pixels for the edge of a picture, got 1024
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tile_size: int = Field(default=1024, ge=SMALLEST_SIZE, le=LARGEST_SIZE)
    """Pixels of the edge of a tile or a preview."""

    pixels: int = Field(default=4096 * 4096, ge=1)
    """Pixels of a picture or an array that is cut out by a bounding box or a geometry."""

    cells: int = Field(default=64 * 2**20, ge=1)
    """Cells of all bands and times that one answer is made of, where it is values or statistics."""

    layers: int = Field(default=16, ge=1)
    """Layers of one picture of WMS."""

    vertices: int = Field(default=10_000, ge=4)
    """Vertices of the polygons of a request."""

    percentiles: int = Field(default=100, ge=1)
    """Percentiles of statistics."""

    bins: int = Field(default=1000, ge=1)
    """Bins of a histogram."""

    categories: int = Field(default=256, ge=1)
    """Different values that are counted one by one."""

    series: int = Field(default=10_000, ge=1)
    """Times of a series."""

    page: int = Field(default=1000, ge=1)
    """Entries of one page of a list."""

    body: int = Field(default=1_000_000, ge=0)
    """Bytes of the body of a request."""

    expression_length: int = Field(default=1000, ge=1)
    """Characters of band mathematics."""

    expression_depth: int = Field(default=32, ge=1)
    """Operations of band mathematics within one another."""

    expression_operations: int = Field(default=64, ge=1)
    """Operations of band mathematics in all."""

    timeout: float = Field(default=30.0, gt=0)
    """Seconds after which a request is answered by 504."""

    requests: int = Field(default=512, ge=1)
    """Requests that wait or are worked at, in one process; one more is answered by 503."""

    threads: int | None = Field(default=None, ge=1)
    """Threads that read and draw, in one process; None: as many as anyio has (40)."""

    memory: int | None = Field(default=None, ge=1)
    """Bytes that one process may take; while it has more, only one request at a time is answered,
    and others by 503. None: nine tenths of what the machine or the container has, over all
    workers."""

    def check(self, name: str, value: int) -> None:
        """Refuse a number that is above a limit.

        Parameters
        ----------
        name
            Name of the limit.
        value
            What a request asks for.

        Raises
        ------
        SizeLimitError
            It is more; the text says how much is allowed.
        """
        most = getattr(self, name)
        if value > most:
            raise SizeLimitError(f"at most {most} {_UNITS[name]}, got {value}")

    def check_expression(self, text: str) -> None:
        """Refuse band mathematics that costs too much; what it means isn't looked at.

        Raises
        ------
        ExpressionError
            It is too long, too deep, has too many operations, or can't be understood.
        """
        if len(text) > self.expression_length:
            raise ExpressionError(
                f"an expression may have {self.expression_length} characters, got {len(text)}"
            )
        depth, operations = expression_cost(text)
        for what, most, got in (
            ("operations within one another", self.expression_depth, depth),
            ("operations", self.expression_operations, operations),
        ):
            if got > most:
                raise ExpressionError(f"an expression may have {most} {what}, got {got}")


_UNITS = {
    "tile_size": "pixels for the edge of a picture",
    "pixels": "pixels in all",
    "layers": "layers a picture",
    "series": "times of a series",
    "page": "entries on a page",
    "body": "bytes in a body",
}
_OPERATIONS = ast.BinOp | ast.UnaryOp | ast.Compare | ast.Call | ast.IfExp | ast.BoolOp


@lru_cache(maxsize=512)
def expression_cost(text: str) -> tuple[int, int]:
    """Return how deep operations lie within one another, and how many there are.

    Raises
    ------
    ExpressionError
        A text that is no band mathematics.

    Examples
    --------
    >>> expression_cost("(nir - red) / (nir + red)"), expression_cost("nir")
    ((2, 3), (0, 0))
    """
    return _cost(parse(text))


def _cost(node: ast.AST) -> tuple[int, int]:
    # The depth of a parsed tree is bounded, and so is this recursion.
    inner = [_cost(child) for child in ast.iter_child_nodes(node)]
    own = int(isinstance(node, _OPERATIONS))
    # `a < b < c` and `a and b and c` are one node of several operations.
    if isinstance(node, ast.Compare):
        own = len(node.ops)
    elif isinstance(node, ast.BoolOp):
        own = len(node.values) - 1
    depth = max((d for d, _ in inner), default=0) + bool(own)
    return depth, sum(count for _, count in inner) + own


def limits_of(request: Request) -> Limits:
    """Return the limits of the application that answers a request."""
    limits = request.app.state.limits
    assert isinstance(limits, Limits)
    return limits


async def within_tile_size(request: Request) -> None:
    """Refuse a picture whose `size` is above the limit, for all routes of a router."""
    size = request.query_params.get("size", "")
    # The route itself refuses what is above the largest that the limit can be.
    if size.isdecimal() and len(size) < 10 and int(size) <= LARGEST_SIZE:
        limits_of(request).check("tile_size", int(size))
