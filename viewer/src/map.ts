/** The map: tiles, and others beside them, over a plain ground with a graticule. */

import Map from "ol/Map";
import View from "ol/View";
import Graticule from "ol/layer/Graticule";
import TileLayer from "ol/layer/Tile";
import VectorLayer from "ol/layer/Vector";
import Feature from "ol/Feature";
import Polygon from "ol/geom/Polygon";
import Point from "ol/geom/Point";
import { defaults as controls, ScaleLine, Attribution } from "ol/control";
import { fromLonLat, toLonLat, transformExtent } from "ol/proj";
import VectorSource from "ol/source/Vector";
import XYZ from "ol/source/XYZ";
import { Circle, Fill, Stroke, Style, Text } from "ol/style";
import TileState from "ol/TileState";
import type ImageTile from "ol/ImageTile";
import type Tile from "ol/Tile";
import type { Bounds, Footprint, LayerInfo } from "./api";
import type { Paint } from "./paint";
import { pending } from "./pending";
import { tiles } from "./share";
import { styleQuery, type Look } from "./state";

const DARK = window.matchMedia("(prefers-color-scheme: dark)");

// Twice the pixels on dense screens; the server takes any size.
const DENSITY = window.devicePixelRatio > 1.25 ? 2 : 1;

// Place of the graticule among the map's layers: its colours are fixed when it is made.
const GRATICULE = 3;

/** What the map has to know of a layer. */
type Placed = Pick<LayerInfo, "bounds_wgs84" | "footprint">;

export class TileMap {
  readonly map: Map;
  readonly tiles = new TileLayer<XYZ>({ className: "tiles", preload: 1 });
  readonly beside = new TileLayer<XYZ>({ className: "beside", visible: false });
  private readonly frame = new VectorSource();
  private readonly hull = new VectorSource();
  private readonly mark = new Feature<Point>();
  private loading = 0;
  private paint: Paint | null = null;
  private painted = 0;
  /** Where a picture is that was asked for: not begun, being drawn, or complete. */
  private picture: "asked" | "drawn" | "complete" = "complete";

  constructor(
    private readonly target: HTMLElement,
    onBusy: (busy: boolean) => void,
    private readonly onTrouble: (error: unknown) => void = () => {},
  ) {
    this.map = new Map({
      target,
      layers: [
        this.tiles,
        this.beside,
        new VectorLayer({ source: this.frame, style: frameStyle, className: "frame" }),
        graticule(),
        new VectorLayer({ source: this.hull, style: hullStyle, className: "hull" }),
        new VectorLayer({
          source: new VectorSource({ features: [this.mark] }),
          style: markStyle,
          className: "mark",
        }),
      ],
      controls: controls({ attribution: false, rotate: false }).extend([
        // Beside it is the time slider.
        new ScaleLine({ maxWidth: 88 }),
        new Attribution({ collapsible: true }),
      ]),
      view: new View({ center: [0, 0], zoom: 2, maxZoom: 22, constrainResolution: false }),
    });
    this.map.on("precompose", () => {
      if (this.picture === "asked") this.picture = "drawn";
    });
    // One may come late, from a frame before the picture was asked for.
    this.map.on("rendercomplete", () => {
      if (this.picture !== "drawn") return;
      this.picture = "complete";
      pending(-1);
    });
    this.map.on("movestart", () => this.ask());
    this.map.on("loadstart", () => onBusy(true));
    this.map.on("loadend", () => onBusy(false));
    DARK.addEventListener("change", () => {
      this.frame.changed();
      this.map.getLayers().setAt(GRATICULE, graticule());
    });
  }

  /** Ask for a picture: until all its tiles are drawn, the page is busy. */
  ask(): void {
    if (this.picture === "complete") pending(1);
    this.picture = "asked";
    this.map.render();
  }

  /** Show a layer in the style of a look. */
  show(look: Look, { bounds_wgs84: bounds, footprint }: Placed, paint: Paint | null = null): void {
    this.target.dataset.drawn = paint ? "zarr" : "tiles";
    this.paint = paint;
    this.draw(this.tiles, look, bounds, paint && `zarr:${(this.painted += 1)}/{z}/{x}/{y}`);
    this.frame.clear();
    this.frame.addFeature(outline(footprint));
  }

  /** Show another look beside it, or none. */
  showBeside(look: Look | null, bounds: Bounds | null): void {
    if (look && bounds) this.draw(this.beside, look, bounds);
    this.beside.setVisible(look !== null && bounds !== null);
    this.ask();
  }

  /** Show where a layer lies, or none. */
  outline(footprint: Footprint | null): void {
    this.hull.clear();
    this.ask();
    if (footprint) this.hull.addFeature(outline(footprint));
  }

  isLoading = (): boolean => this.loading > 0;

  setOpacity(opacity: number): void {
    this.tiles.setOpacity(opacity);
    this.beside.setOpacity(opacity);
    this.ask();
  }

  /** Move so that the whole of a layer is seen beside the panel. */
  fit(bounds: Bounds, panel: HTMLElement): void {
    const extent = transformExtent(bounds, "EPSG:4326", "EPSG:3857");
    const wide = window.innerWidth > 720;
    const left = wide ? panel.getBoundingClientRect().right + 24 : 24;
    this.map.getView().fit(extent, { padding: [24, 24, 112, left], maxZoom: 18 });
  }

  place(): [number, number, number] {
    const view = this.map.getView();
    const [lon, lat] = toLonLat(view.getCenter() ?? [0, 0]) as [number, number];
    return [round(view.getZoom() ?? 0, 2), round(lat, 5), round(lon, 5)];
  }

  goTo([zoom, lat, lon]: [number, number, number]): void {
    const view = this.map.getView();
    view.setCenter(fromLonLat([lon, lat]));
    view.setZoom(zoom);
  }

  onClick(action: (lon: number, lat: number) => void): void {
    this.map.on("singleclick", (event) => {
      const [lon, lat] = toLonLat(event.coordinate) as [number, number];
      action(lon, lat);
    });
  }

  /** Mark a point, or none. */
  pin(lonLat: [number, number] | null): void {
    this.mark.setGeometry(lonLat ? new Point(fromLonLat(lonLat)) : undefined);
    this.ask();
  }

  private draw(layer: TileLayer<XYZ>, look: Look, bounds: Bounds, painted: string | null = null): void {
    const query = styleQuery(look);
    if (DENSITY > 1) query.set("size", String(256 * DENSITY));
    const url = painted ?? tiles(look, query);
    const extent = transformExtent(bounds, "EPSG:4326", "EPSG:3857") as Bounds;
    const source = layer.getSource();
    layer.setExtent(extent);
    if (source) source.setUrl(url);
    else layer.setSource(this.source(url));
    this.ask();
  }

  private source(url: string): XYZ {
    const source = new XYZ({
      url,
      tilePixelRatio: DENSITY,
      maxZoom: 22,
      transition: 160,
      // Cells are values: near the finest level they are shown as they are, not blurred.
      interpolate: false,
      tileLoadFunction: (tile, url) => this.load(tile, url),
    });
    source.on("tileloadstart", () => this.count(1));
    source.on(["tileloadend", "tileloaderror"] as never, () => this.count(-1));
    return source;
  }

  /** Load a tile from the server, or paint it. */
  private load(tile: Tile, url: string): void {
    const drawn = tile as ImageTile;
    if (!url.startsWith("zarr:")) {
      (drawn.getImage() as HTMLImageElement).src = url;
      return;
    }
    const [z, x, y] = tile.getTileCoord() as [number, number, number];
    this.paint!(z, x, y, 256 * DENSITY).then(
      (canvas) => drawn.setImage(canvas),
      (error: unknown) => {
        tile.setState(TileState.ERROR);
        this.onTrouble(error);
      },
    );
  }

  /** Tell tests and assistive tools how many tiles are on their way. */
  private count(step: number): void {
    this.loading += step;
    this.target.dataset.loading = String(this.loading);
  }
}

function outline({ coordinates }: Footprint): Feature<Polygon> {
  return new Feature(new Polygon(coordinates.map((ring) => ring.map((point) => fromLonLat(point)))));
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

const ink = (alpha: number): string =>
  DARK.matches ? `rgba(226, 240, 236, ${alpha})` : `rgba(24, 48, 44, ${alpha})`;

function graticule(): Graticule {
  const label = (align: CanvasTextAlign): Text =>
    new Text({
      font: "11px system-ui, sans-serif",
      textAlign: align,
      textBaseline: "bottom",
      fill: new Fill({ color: ink(0.85) }),
      // A halo in the colour of the ground: labels are read over the layer too.
      stroke: new Stroke({ color: DARK.matches ? "rgba(15, 21, 23, 0.7)" : "rgba(255, 255, 255, 0.75)", width: 3 }),
    });
  return new Graticule({
    className: "graticule",
    strokeStyle: new Stroke({ color: "rgba(110, 130, 126, 0.28)", width: 1 }),
    showLabels: true,
    lonLabelStyle: label("center"),
    latLabelStyle: label("end"),
    lonLabelPosition: 0.98,
    latLabelPosition: 0.998,
    wrapX: false,
    targetSize: 140,
  });
}

const frameStyle = (): Style =>
  new Style({ stroke: new Stroke({ color: ink(0.45), width: 1, lineDash: [4, 4] }) });

const hullStyle = (): Style[] => [
  new Style({ stroke: new Stroke({ color: "rgba(255, 255, 255, 0.8)", width: 5 }) }),
  new Style({
    stroke: new Stroke({ color: "#0f766e", width: 2.5 }),
    fill: new Fill({ color: "rgba(15, 118, 110, 0.12)" }),
  }),
];

// A dark ring around a light one: the mark is seen on clouds and on water.
const markStyle = (): Style[] => [
  new Style({ image: new Circle({ radius: 9, fill: new Fill({ color: "rgba(0, 0, 0, 0.45)" }) }) }),
  new Style({
    image: new Circle({
      radius: 6,
      stroke: new Stroke({ color: "#fff", width: 2.5 }),
      fill: new Fill({ color: "#0f766e" }),
    }),
  }),
];
