/** Drawing in the browser: which layers it can be done for, and the part of the page that does it. */

import type { LayerInfo, Legend } from "./api";
import { isReadable, recipe, type Paint } from "./paint";
import { counted } from "./pending";
import type { Look, View } from "./state";
import type { ZarrLayer } from "./zarr";

export class Browser {
  private info: LayerInfo | null = null;
  private layer: Promise<ZarrLayer> | null = null;
  private ready: { layer: ZarrLayer; legend: Legend } | null = null;

  /** Whether a view is to be drawn, and can be drawn, without the server's tiles. */
  static draws(info: LayerInfo | null, view: View): boolean {
    return view.draw === "zarr" && view.mode !== "expression" && isReadable(info);
  }

  /** Make ready to paint a look; the legend is the server's, in full colours. */
  async prepare(info: LayerInfo, legend: Legend): Promise<void> {
    if (this.info !== info || !this.layer) {
      this.info = info;
      // Whoever only looks at tiles needn't load what reads Zarr.
      this.layer = counted(import("./zarr").then(({ ZarrLayer }) => ZarrLayer.open(info)));
      this.layer.catch(() => (this.layer = null));
    }
    const layer = await this.layer;
    if (layer.info === this.info) this.ready = { layer, legend };
  }

  /** Return what paints the tiles of a look. */
  paint(look: Look): Paint {
    const { layer, legend } = this.ready!;
    return layer.paint(recipe(layer.info, look, legend));
  }
}
