/** Cells of a layer as a map tile, just as the server draws it: nearest cell, stretch, colours. */

import { get, getTransform } from "ol/proj";
import type { LayerInfo, Legend } from "./api";
import type { Look, Range } from "./state";
import type { Cells, ZarrLayer } from "./zarr";

const WORLD = 20037508.342789244;
// Between these points of a tile positions are interpolated; far out, each pixel is computed.
const NODES = 33;
const EXACT_BELOW_ZOOM = 7;
// A pixel's centre on the edge between two cells must not fall to either side by chance.
const EDGE = 1e-6;
const COLOURS = 255;

export interface Grid {
  height: number;
  width: number;
  cell: [number, number];
  origin: [number, number];
}

/** What decides how cells look; the server's legend has found what was left open. */
export interface Recipe {
  bands: string[];
  time: number | null;
  stretch: Range[];
  /** Red, green, blue, opacity of each index, of which 0 is transparent. */
  palette: Uint8ClampedArray;
  /** Value of each index from 1 on, where values have colours of their own. */
  values: number[] | null;
}

export type Paint = (z: number, x: number, y: number, size: number) => Promise<HTMLCanvasElement>;

/** Whether the page knows where the cells of a layer lie, and can read them. */
export function isReadable(info: LayerInfo | null): boolean {
  return !!info?.links.some(({ rel }) => rel === "zarr") && get(info.crs) !== null;
}

export function recipe(info: LayerInfo, look: Look, legend: Legend): Recipe {
  const index = info.times?.indexOf(look.time ?? "") ?? -1;
  const listed = legend.categories.length ? legend.categories.map(({ color }) => color) : legend.colors;
  const palette = new Uint8ClampedArray(4 * (listed.length + 1));
  listed.forEach((colour, i) => palette.set(channels(colour), 4 * (i + 1)));
  const values = legend.categories.length ? legend.categories.map(({ value }) => value) : null;
  return { bands: look.bands, time: index < 0 ? null : index, stretch: legend.stretch, palette, values };
}

function channels(colour: string): number[] {
  const digits = colour.slice(1).padEnd(8, "f");
  return [0, 2, 4, 6].map((at) => parseInt(digits.slice(at, at + 2), 16));
}

export function painter(layer: ZarrLayer, how: Recipe): Paint {
  const indexers = how.bands.map((band, row) => indexer(layer.info, band, how, row));
  return async (z, x, y, size) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = size;
    const found = locate(layer, z, x, y, size);
    if (!found) return canvas;
    const { level, at, rows, cols } = found;
    const read = (band: string): Promise<Cells> => layer.read(band, level, how.time, { rows, cols });
    const cells = await Promise.all(how.bands.map(read));
    const context = canvas.getContext("2d")!;
    const image = context.createImageData(size, size);
    colour(image.data, at, cells, indexers, how.palette);
    context.putImageData(image, 0, 0);
    return canvas;
  };
}

function colour(
  pixels: Uint8ClampedArray,
  at: Int32Array,
  cells: Cells[],
  indexers: ((value: number) => number)[],
  palette: Uint8ClampedArray,
): void {
  for (let pixel = 0; pixel < at.length; pixel += 1) {
    const place = at[pixel]!;
    if (place < 0) continue;
    if (cells.length === 1) {
      const index = 4 * indexers[0]!(cells[0]![place]!);
      for (let i = 0; i < 4; i += 1) pixels[4 * pixel + i] = palette[index + i]!;
      continue;
    }
    const three = cells.map((band, i) => indexers[i]!(band[place]!));
    if (three.includes(0)) continue;
    pixels.set(three, 4 * pixel);
    pixels[4 * pixel + 3] = 255;
  }
}

/** Return what finds the index of a value's colour: 0 for NoData. */
function indexer(info: LayerInfo, band: string, how: Recipe, row: number): (value: number) => number {
  const variable = info.variables.find(({ name }) => name === band);
  const given = typeof variable?.nodata === "number" ? variable.nodata : NaN;
  const nodata = variable?.dtype === "float32" ? Math.fround(given) : given;
  if (how.values) {
    const index = new Map(how.values.map((value, i) => [value, i + 1]).reverse() as [number, number][]);
    return (value) => (value === nodata ? 0 : (index.get(value) ?? 0));
  }
  const [low, high] = how.stretch[how.stretch.length === 1 ? 0 : row]!;
  const steps = (COLOURS - 1) / (high - low);
  return (value) => {
    if (value === nodata || Number.isNaN(value)) return 0;
    return Math.floor(Math.min(COLOURS, Math.max(1, (value - low) * steps + 1.5)));
  };
}

interface Located {
  level: number;
  rows: [number, number];
  cols: [number, number];
  /** Place of each pixel's cell in the window; -1 outside. */
  at: Int32Array;
}

/** Find the level whose cells are nearest in size to the pixels of a tile, and each pixel's cell. */
function locate(layer: ZarrLayer, z: number, x: number, y: number, size: number): Located | null {
  const finest = layer.grids[0]!;
  const nodes = z < EXACT_BELOW_ZOOM ? size : NODES;
  const [col, row] = positions(layer.info.crs, finest, [z, x, y], size, nodes);
  const scale = cellsPerPixel(col, row, nodes, (size - 1) / (nodes - 1), finest);
  if (scale === null) return null;
  const distance = layer.grids.map(({ cell }) => Math.abs(Math.log(Math.abs(cell[0] / finest.cell[0]) / scale)));
  const level = distance.indexOf(Math.min(...distance));
  return cellsOf(layer.grids[level]!, finest, level, interpolated(col, nodes, size), interpolated(row, nodes, size));
}

/** Return the place of nodes of a tile's pixel centres, in cells of a grid. */
function positions(
  crs: string,
  grid: Grid,
  [z, x, y]: [number, number, number],
  size: number,
  nodes: number,
): [Float64Array, Float64Array] {
  const transform = getTransform("EPSG:3857", crs)!;
  const pixel = (2 * WORLD) / 2 ** z / size;
  const [left, top] = [x * size * pixel - WORLD, WORLD - y * size * pixel];
  const step = (size - 1) / (nodes - 1);
  const flat: number[] = [];
  for (let i = 0; i < nodes; i += 1) {
    for (let j = 0; j < nodes; j += 1) flat.push(left + (j * step + 0.5) * pixel, top - (i * step + 0.5) * pixel);
  }
  const there = transform(flat, undefined, 2);
  const [col, row] = [new Float64Array(nodes * nodes), new Float64Array(nodes * nodes)];
  for (let i = 0; i < col.length; i += 1) {
    col[i] = (there[2 * i]! - grid.origin[0]) / grid.cell[0];
    row[i] = (there[2 * i + 1]! - grid.origin[1]) / grid.cell[1];
  }
  return [col, row];
}

/** Return the edge of a pixel in cells, where the tile shows the grid; null: it doesn't. */
function cellsPerPixel(col: Float64Array, row: Float64Array, nodes: number, step: number, grid: Grid): number | null {
  const known: [away: number, area: number][] = [];
  for (let i = 0; i + 1 < nodes; i += 1) {
    for (let j = 0; j + 1 < nodes; j += 1) {
      const [a, b, c] = [i * nodes + j, i * nodes + j + 1, (i + 1) * nodes + j];
      const area = Math.abs((col[b]! - col[a]!) * (row[c]! - row[a]!) - (row[b]! - row[a]!) * (col[c]! - col[a]!));
      const away = Math.max(-col[a]!, col[a]! - grid.width, -row[a]!, row[a]! - grid.height);
      if (Number.isFinite(away) && area > 0) known.push([Math.max(0, away), area / step ** 2]);
    }
  }
  if (!known.length) return null;
  const nearest = known.reduce((least, [away]) => Math.min(least, away), Infinity);
  const areas = known.filter(([away]) => away <= nearest).map(([, area]) => area);
  areas.sort((a, b) => a - b);
  return Math.sqrt(areas[Math.floor(areas.length / 2)]!);
}

function interpolated(at: Float64Array, nodes: number, size: number): Float64Array {
  if (nodes === size) return at;
  const all = new Float64Array(size * size);
  const scale = (nodes - 1) / (size - 1);
  for (let i = 0; i < size; i += 1) {
    const top = Math.min(nodes - 2, Math.floor(i * scale));
    const down = i * scale - top;
    for (let j = 0; j < size; j += 1) {
      const left = Math.min(nodes - 2, Math.floor(j * scale));
      const right = j * scale - left;
      const from = top * nodes + left;
      const above = at[from]! * (1 - right) + at[from + 1]! * right;
      const below = at[from + nodes]! * (1 - right) + at[from + nodes + 1]! * right;
      all[i * size + j] = above * (1 - down) + below * down;
    }
  }
  return all;
}

/** Return the window of a level that pixels need, given their places in the finest level. */
function cellsOf(grid: Grid, finest: Grid, level: number, col: Float64Array, row: Float64Array): Located | null {
  const [across, down] = [finest.cell[0] / grid.cell[0], finest.cell[1] / grid.cell[1]];
  const rows: [number, number] = [Infinity, -Infinity];
  const cols: [number, number] = [Infinity, -Infinity];
  const cells = new Int32Array(2 * col.length).fill(-1);
  for (let i = 0; i < col.length; i += 1) {
    const [c, r] = [Math.floor(col[i]! * across + EDGE), Math.floor(row[i]! * down + EDGE)];
    if (!(c >= 0 && r >= 0 && c < grid.width && r < grid.height)) continue;
    cells[2 * i] = c;
    cells[2 * i + 1] = r;
    if (c < cols[0]) cols[0] = c;
    if (c >= cols[1]) cols[1] = c + 1;
    if (r < rows[0]) rows[0] = r;
    if (r >= rows[1]) rows[1] = r + 1;
  }
  if (rows[0] >= rows[1]) return null;
  const width = cols[1] - cols[0];
  const at = new Int32Array(col.length).fill(-1);
  for (let i = 0; i < at.length; i += 1) {
    if (cells[2 * i]! >= 0) at[i] = (cells[2 * i + 1]! - rows[0]) * width + cells[2 * i]! - cols[0];
  }
  return { level, rows, cols, at };
}
