/** Start: the layers of the server, a view from the address, and what follows from a change. */

import "ol/ol.css";
import { ask, layerPath, type LayerInfo, type LayerList, type Legend } from "./api";
import { Browser } from "./browser";
import { Compare } from "./compare";
import { Cursor } from "./cursor";
import { byId, paused } from "./dom";
import { drawer } from "./drawer";
import { Layers } from "./layers";
import { drawLegend } from "./legend";
import { TileMap } from "./map";
import { brightness, naturalColours } from "./natural";
import { Series } from "./series";
import { share } from "./share";
import { fromHash, lookOf, START, Store, styleQuery, toHash, type View } from "./state";
import { StylePanel } from "./style-panel";
import { Timeline } from "./timeline";

const LOOKS: (keyof View)[] = ["draw", "mode", "bands", "expression", "stretch", "colormap"];

class Page {
  private info: LayerInfo | null = null;
  private turn = 0;
  private opening = false;
  private asked: AbortController | null = null;
  /** Whether the server can draw the style; a date changes nothing about that. */
  private drawable = false;
  private readonly panel = byId("panel");
  // Browsers refuse to change the address as often as a slider moves.
  private readonly write = paused(80, () => history.replaceState(null, "", `#${toHash(this.store.view)}`));
  readonly tiles = new TileMap(byId("map"), (busy) => (byId("busy").hidden = !busy), trouble);
  private readonly browser = new Browser();
  /** Whether the tiles are painted here; what is wrong with that is told, and the server's are shown. */
  private painting = false;
  private readonly timeline: Timeline;
  private readonly cursor: Cursor;
  private readonly series: Series;

  constructor(
    private readonly store: Store,
    private readonly style: StylePanel,
  ) {
    this.timeline = new Timeline(byId("timeline"), store, this.tiles.isLoading);
    this.cursor = new Cursor(byId("cursor"), this.tiles.map, store);
    this.series = new Series(store, (at) => this.tiles.pin(at));
    this.tiles.onClick((lon, lat) => this.series.pin(lon, lat));
    store.subscribe((view, changed) => this.follow(view, changed));
    this.tiles.map.on("moveend", () => this.info && store.update({ place: this.tiles.place() }));
    window.addEventListener("hashchange", () => this.go(fromHash(location.hash)));
    byId("fit").onclick = () => this.info && this.tiles.fit(this.info.bounds_wgs84, this.panel);
    drawer();
  }

  /** Load a layer and show it in the style of the address, or in its own. */
  async open(name: string, wanted: Partial<View>): Promise<void> {
    const turn = ++this.turn;
    this.opening = true;
    const info = await ask<LayerInfo>(layerPath(name));
    const styled = wanted.bands ?? wanted.expression;
    const natural = naturalColours(info);
    const { bands, stretch, colormap } = info.default_style;
    const own: Partial<View> = natural
      ? { bands: natural, mode: "rgb", stretch: await brightness(name, natural), colormap: "", expression: "" }
      : { bands, mode: bands.length === 3 ? "rgb" : "band", stretch, colormap: colormap ?? "", expression: "" };
    // Another layer was chosen while this one was asked for.
    if (turn !== this.turn) return;
    this.opening = false;
    const before = this.info;
    this.info = info;
    // What was found out about the layer before is of no use for this one.
    this.drawable = false;
    const time = nearest(info.times, wanted.time ?? this.store.view.time);
    this.cursor.offer(info);
    this.store.update({ ...(styled ? { bands: [], stretch: [], colormap: "" } : own), ...wanted, layer: name, time });
    this.style.offer(info);
    this.timeline.offer(info.times);
    this.series.offer(info);
    this.tiles.setOpacity(this.store.view.opacity);
    // Layers of one place are compared: the map stays where it is.
    const stay = String(before?.bounds_wgs84) === String(info.bounds_wgs84);
    if (wanted.place) this.tiles.goTo(wanted.place);
    else if (!stay) this.tiles.fit(info.bounds_wgs84, this.panel);
    void this.redraw();
  }

  /** Open a layer; what goes wrong with it is nobody's concern once another one is chosen. */
  private choose(name: string, wanted: Partial<View>): void {
    const opened = this.open(name, wanted);
    const { turn } = this;
    opened.catch((error: unknown) => turn === this.turn && trouble(error));
  }

  /** Show what an address that was typed or pasted asks for. */
  private go(wanted: Partial<View>): void {
    if (wanted.layer && wanted.layer !== this.info?.name) this.choose(wanted.layer, wanted);
    else this.store.update(wanted);
    if (wanted.place) this.tiles.goTo(wanted.place);
  }

  private follow(view: View, changed: ReadonlySet<keyof View>): void {
    if (changed.has("layer") && view.layer !== null && view.layer !== this.info?.name) {
      // Another layer has other bands: start from its own style.
      this.choose(view.layer, {});
    } else if (changed.has("layer") && this.opening) {
      // Back to the layer that is shown, before the other one was known.
      this.turn += 1;
      this.opening = false;
      void this.redraw();
    } else if (LOOKS.some((key) => changed.has(key))) void this.redraw();
    else if (changed.has("time") && this.drawable && this.info?.name === view.layer) {
      this.picture();
    }
    if (changed.has("opacity")) this.tiles.setOpacity(view.opacity);
    this.write();
  }

  /**
   * Draw the look that is wanted now, its legend first: that says, once and not per tile, what is
   * wrong with a style. An answer that comes after the next question doesn't count.
   */
  private async redraw(): Promise<void> {
    const view = this.store.view;
    if (!this.info || this.info.name !== view.layer) return;
    this.asked?.abort();
    const { signal } = (this.asked = new AbortController());
    this.drawable = false;
    try {
      const query = styleQuery(view);
      const painting = Browser.draws(this.info, view);
      if (painting) query.set("stops", "255");
      const legend = await ask<Legend>(`${layerPath(view.layer)}/legend.json`, query, signal);
      const refused = painting ? await this.refusal(this.info, legend) : null;
      if (signal.aborted) return;
      this.painting = painting && refused === null;
      this.draw(legend);
      if (refused !== null) trouble(refused);
    } catch (error) {
      if (signal.aborted) return;
      if (view.mode === "expression" && error instanceof Error) this.style.complain(error.message);
      else trouble(error);
    }
  }

  private draw(legend: Legend): void {
    byId("trouble").hidden = true;
    this.style.complain(null);
    // Another layer was chosen, and draws itself once it is known.
    if (this.info?.name !== this.store.view.layer) return;
    this.drawable = true;
    this.style.suggest(legend);
    drawLegend(byId("legend"), legend, this.info!, this.store);
    // The date may have changed since: tiles show the one of now.
    this.picture();
  }

  private picture(): void {
    const { view } = this.store;
    this.tiles.show(view, this.info!, this.painting ? this.browser.paint(view) : null);
  }

  /** Return why the browser can't read a layer by itself; null: it can. */
  private async refusal(info: LayerInfo, legend: Legend): Promise<string | null> {
    try {
      await this.browser.prepare(info, legend);
      return null;
    } catch (error) {
      return `The layer's Zarr store can't be read here, so these are the server's tiles: ${String(error)}`;
    }
  }

  /** Let the two sides of a comparison change places. */
  async exchange(): Promise<void> {
    const { view } = this.store;
    if (!view.beside?.layer) return;
    const beside = lookOf(view);
    await this.open(view.beside.layer, { ...view.beside, beside });
  }
}

/** Return the layer's time that is closest to the one asked for; its last where none was. */
function nearest(times: string[] | null, wanted: string | null): string | null {
  if (!times?.length) return null;
  if (wanted === null) return times[times.length - 1] ?? null;
  const distance = (time: string): number => Math.abs(Date.parse(time) - Date.parse(wanted));
  return times.reduce((best, time) => (distance(time) < distance(best) ? time : best));
}

function trouble(error: unknown): void {
  const note = byId("trouble");
  note.textContent = error instanceof Error ? error.message : String(error);
  note.hidden = false;
}

async function start(): Promise<void> {
  const [list, colormaps] = await Promise.all([ask<LayerList>("layers"), ask<string[]>("colormaps")]);
  const { layers } = list;
  const wanted = fromHash(location.hash);
  const store = new Store({ ...START, ...wanted, layer: null });
  const page = new Page(store, new StylePanel(byId("style"), colormaps, store));
  new Layers(byId("layers"), list, store, (layer) => page.tiles.outline(layer?.footprint ?? null));
  new Compare(byId("compare"), page.tiles, layers, store, () => void page.exchange().catch(trouble));
  share(byId("share"), store);
  const first = layers.find((layer) => layer.name === wanted.layer) ?? layers[0];
  if (!first) return;
  await page.open(first.name, first.name === wanted.layer ? wanted : {});
}

start().catch(trouble);
