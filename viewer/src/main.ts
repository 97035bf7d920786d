/** Start: the layers of the server, a view from the address, and what follows from a change. */

import "ol/ol.css";
import { address, ask, layerPath, reason, type LayerInfo, type LayerSummary, type Legend } from "./api";
import { Cursor } from "./cursor";
import { byId } from "./dom";
import { layerList } from "./layers";
import { drawLegend } from "./legend";
import { TileMap } from "./map";
import { brightness, naturalColours } from "./natural";
import { Series } from "./series";
import { fromHash, START, Store, styleQuery, toHash, type View } from "./state";
import { StylePanel } from "./style-panel";
import { Timeline } from "./timeline";

const LOOKS: (keyof View)[] = ["mode", "bands", "expression", "stretch", "colormap"];

class Page {
  private info: LayerInfo | null = null;
  private turn = 0;
  /** Whether the server can draw the style; a date changes nothing about that. */
  private drawable = false;
  private readonly panel = byId("panel");
  private readonly tiles = new TileMap(byId("map"), (busy) => (byId("busy").hidden = !busy));
  private readonly timeline: Timeline;
  private readonly cursor: Cursor;
  private readonly series: Series;

  constructor(
    private readonly store: Store,
    private readonly style: StylePanel,
  ) {
    this.timeline = new Timeline(byId("timeline"), store);
    this.cursor = new Cursor(byId("cursor"), this.tiles.map, store);
    this.series = new Series(store, (at) => this.tiles.pin(at));
    this.tiles.onClick((lon, lat) => this.series.pin(lon, lat));
    store.subscribe((view, changed) => this.follow(view, changed));
    this.tiles.map.on("moveend", () => this.info && store.update({ place: this.tiles.place() }));
    window.addEventListener("hashchange", () => this.go(fromHash(location.hash)));
    byId("fit").onclick = () => this.info && this.tiles.fit(this.info.bounds_wgs84, this.panel);
    byId("fold").onclick = () => this.fold();
    if (window.innerWidth <= 720) this.fold();
  }

  /** Load a layer and show it in the style of the address, or in its own. */
  async open(name: string, wanted: Partial<View>): Promise<void> {
    const turn = ++this.turn;
    const info = await ask<LayerInfo>(layerPath(name));
    const styled = wanted.bands ?? wanted.expression;
    const natural = naturalColours(info);
    const { bands, stretch, colormap } = info.default_style;
    const own: Partial<View> = natural
      ? { bands: natural, mode: "rgb", stretch: await brightness(name, natural), colormap: "", expression: "" }
      : { bands, mode: bands.length === 3 ? "rgb" : "band", stretch, colormap: colormap ?? "", expression: "" };
    // Another layer was chosen while this one was asked for.
    if (turn !== this.turn) return;
    const before = this.info;
    this.info = info;
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
    this.redraw();
  }

  /** Show what an address that was typed or pasted asks for. */
  private go(wanted: Partial<View>): void {
    if (wanted.layer && wanted.layer !== this.info?.name) this.open(wanted.layer, wanted).catch(trouble);
    else this.store.update(wanted);
    if (wanted.place) this.tiles.goTo(wanted.place);
  }

  private follow(view: View, changed: ReadonlySet<keyof View>): void {
    if (changed.has("layer") && view.layer !== null && view.layer !== this.info?.name) {
      // Another layer has other bands: start from its own style.
      this.open(view.layer, {}).catch(trouble);
    } else if (LOOKS.some((key) => changed.has(key))) this.redraw();
    else if (changed.has("time") && this.drawable && this.info?.name === view.layer) {
      this.tiles.show(view, this.info.bounds_wgs84);
    }
    if (changed.has("opacity")) this.tiles.setOpacity(view.opacity);
    history.replaceState(null, "", `#${toHash(view)}`);
  }

  private redraw(): void {
    const view = this.store.view;
    if (!this.info || this.info.name !== view.layer) return;
    void this.check(view).then((good) => {
      this.drawable = good;
      if (good && view === this.latest(view)) this.tiles.show(view, this.info!.bounds_wgs84);
    });
  }

  /** Return the view if nothing that decides the look of tiles has changed since. */
  private latest(view: View): View {
    const now = this.store.view;
    return styleQuery(now).toString() === styleQuery(view).toString() ? view : now;
  }

  /** Ask for the legend first: it says, once and not per tile, what is wrong with a style. */
  private async check(view: View): Promise<boolean> {
    const path = `${layerPath(view.layer ?? "")}/legend.json`;
    const response = await fetch(address(path, styleQuery(view)));
    if (!response.ok) {
      const message = await reason(response);
      if (view.mode === "expression") this.style.complain(message);
      else trouble(new Error(message));
      return false;
    }
    const legend = (await response.json()) as Legend;
    byId("trouble").hidden = true;
    this.style.complain(null);
    this.style.suggest(legend.stretch);
    drawLegend(byId("legend"), legend, view);
    return true;
  }

  private fold(): void {
    const folded = document.body.classList.toggle("folded");
    byId("fold").setAttribute("aria-expanded", String(!folded));
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
  const [{ layers }, colormaps] = await Promise.all([
    ask<{ layers: LayerSummary[] }>("layers"),
    ask<string[]>("colormaps"),
  ]);
  const wanted = fromHash(location.hash);
  const store = new Store({ ...START, ...wanted, layer: null });
  const page = new Page(store, new StylePanel(byId("style"), colormaps, store));
  layerList(byId("layers"), layers, store);
  const first = layers.find((layer) => layer.name === wanted.layer) ?? layers[0];
  if (!first) return;
  await page.open(first.name, first.name === wanted.layer ? wanted : {});
}

start().catch(trouble);
