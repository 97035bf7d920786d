/** A layer's Zarr store, read by the browser itself: levels, chunks, cells. Loaded when it is wanted. */

import { FetchStore, open, root, withConsolidatedMetadata, type Array as ZarrArray, type DataType } from "zarrita";
import { address, layerPath, type LayerInfo } from "./api";
import { painter, type Grid, type Recipe } from "./paint";

// Decoded chunks that are kept: some screens of tiles.
const MOST_CHUNKS = 256;

export type Cells = ArrayLike<number>;

interface Layout {
  asset: string;
  "spatial:shape": [number, number];
  "spatial:transform": [number, number, number, number, number, number];
}

interface Chunk {
  data: Cells;
  stride: number[];
}

/** Rows and columns from the first to behind the last. */
export interface Window {
  rows: [number, number];
  cols: [number, number];
}

export class ZarrLayer {
  private readonly arrays = new Map<string, Promise<ZarrArray<DataType, FetchStore>>>();
  private readonly chunks = new Map<string, Promise<Chunk>>();

  private constructor(
    readonly info: LayerInfo,
    private readonly open: (path: string) => Promise<ZarrArray<DataType, FetchStore>>,
    readonly grids: Grid[],
    private readonly paths: string[],
  ) {}

  /** Open the store of a layer: its root document is read, which holds all others. */
  static async open(info: LayerInfo): Promise<ZarrLayer> {
    const store = await withConsolidatedMetadata(
      // Shards have their index at the end: one request for it, instead of asking how long they are.
      new FetchStore(address(`${layerPath(info.name)}/zarr`), { useSuffixRequest: true }),
      { format: "v3" },
    );
    const group = await open.v3(root(store), { kind: "group" });
    const { layout } = group.attrs.multiscales as { layout: Layout[] };
    const grids = layout.map(({ "spatial:shape": shape, "spatial:transform": t }) => {
      return { height: shape[0], width: shape[1], cell: [t[0], t[4]], origin: [t[2], t[5]] } as Grid;
    });
    const array = (path: string) => open.v3(root(store).resolve(path), { kind: "array" });
    return new ZarrLayer(info, array as never, grids, layout.map(({ asset }) => asset));
  }

  /** Return what paints tiles of a look at a time. */
  paint(recipe: Recipe): ReturnType<typeof painter> {
    return painter(this, recipe);
  }

  /** Read a window of a level, row by row. */
  async read(variable: string, level: number, time: number | null, window: Window): Promise<Cells> {
    const path = `${this.paths[level]}/${variable}`;
    const array = await (this.arrays.get(path) ?? this.remember(path));
    const lead = array.shape.length - 2;
    if (lead > 1 || (lead === 1 && time === null)) throw new Error(`${variable} has dimensions that can't be chosen here`);
    const [height, width] = array.chunks.slice(-2) as [number, number];
    const { rows, cols } = window;
    const size = cols[1] - cols[0];
    const cells = new Float64Array((rows[1] - rows[0]) * size);
    const wanted: Promise<void>[] = [];
    for (let i = Math.floor(rows[0] / height); i * height < rows[1]; i += 1) {
      for (let j = Math.floor(cols[0] / width); j * width < cols[1]; j += 1) {
        const place = lead ? [time!, i, j] : [i, j];
        const copy = ({ data, stride }: Chunk): void => {
          const [down, right] = stride.slice(-2) as [number, number];
          const [left, end] = [Math.max(cols[0], j * width), Math.min(cols[1], (j + 1) * width)];
          for (let row = Math.max(rows[0], i * height); row < Math.min(rows[1], (i + 1) * height); row += 1) {
            let from = (row - i * height) * down + (left - j * width) * right;
            let to = (row - rows[0]) * size + (left - cols[0]);
            for (let col = left; col < end; col += 1, from += right, to += 1) cells[to] = data[from]!;
          }
        };
        wanted.push(this.chunk(path, array, place).then(copy));
      }
    }
    await Promise.all(wanted);
    return cells;
  }

  private remember(path: string): Promise<ZarrArray<DataType, FetchStore>> {
    const array = this.open(path);
    this.arrays.set(path, array);
    array.catch(() => this.arrays.delete(path));
    return array;
  }

  private chunk(path: string, array: ZarrArray<DataType, FetchStore>, place: number[]): Promise<Chunk> {
    const key = `${path}/${place.join("/")}`;
    const known = this.chunks.get(key) ?? load(array, place);
    // What was used last comes last; what wasn't used for longest makes room.
    this.chunks.delete(key);
    this.chunks.set(key, known);
    known.catch(() => this.chunks.delete(key));
    if (this.chunks.size > MOST_CHUNKS) this.chunks.delete(this.chunks.keys().next().value!);
    return known;
  }
}

async function load(array: ZarrArray<DataType, FetchStore>, place: number[]): Promise<Chunk> {
  const { data, stride } = await array.getChunk(place);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return { data: Float64Array.from(data, Number), stride };
  if (!ArrayBuffer.isView(data)) throw new Error("cells of this type can't be drawn here");
  return { data: data as unknown as Cells, stride };
}
