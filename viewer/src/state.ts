/** What the page shows, kept in the address so that it can be passed on. */

export type Mode = "band" | "rgb" | "expression";
export type Range = [low: number, high: number];

export interface View {
  layer: string | null;
  time: string | null;
  mode: Mode;
  bands: string[];
  expression: string;
  /** Empty: the server finds one. */
  stretch: Range[];
  /** Empty: the server's choice, such as a category's own colours. */
  colormap: string;
  opacity: number;
  /** Zoom, latitude and longitude; null: the whole layer. */
  place: [zoom: number, lat: number, lon: number] | null;
}

export const START: View = {
  layer: null,
  time: null,
  mode: "band",
  bands: [],
  expression: "",
  stretch: [],
  colormap: "",
  opacity: 1,
  place: null,
};

type Listener = (view: View, changed: ReadonlySet<keyof View>) => void;

export class Store {
  private listeners: Listener[] = [];

  constructor(private current: View) {}

  get view(): View {
    return this.current;
  }

  subscribe(listener: Listener): void {
    this.listeners.push(listener);
  }

  update(patch: Partial<View>): void {
    const changed = new Set(
      (Object.keys(patch) as (keyof View)[]).filter(
        (key) => JSON.stringify(patch[key]) !== JSON.stringify(this.current[key]),
      ),
    );
    if (!changed.size) return;
    this.current = { ...this.current, ...patch };
    for (const listener of this.listeners) listener(this.current, changed);
  }
}

/** The part of a view that decides how a tile looks, as the server's query. */
export function styleQuery(view: View): URLSearchParams {
  const query = new URLSearchParams();
  if (view.time !== null) query.set("time", view.time);
  if (view.mode === "expression") query.set("expression", view.expression);
  else if (view.bands.length) query.set("bands", view.bands.join(","));
  if (view.stretch.length) query.set("stretch", stretchText(view.stretch));
  if (view.mode !== "rgb" && view.colormap) query.set("colormap", view.colormap);
  return query;
}

export const stretchText = (stretch: Range[]): string =>
  stretch.map((range) => range.join(",")).join(";");

export function toHash(view: View): string {
  const query = styleQuery(view);
  const place = view.place ? `map=${view.place.join("/")}` : "";
  if (view.layer !== null) query.set("layer", view.layer);
  if (view.opacity !== 1) query.set("opacity", String(view.opacity));
  return [readable(query), place].filter(Boolean).join("&");
}

export function fromHash(hash: string): Partial<View> {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const patch: Partial<View> = {};
  const text = (key: string): string | null => query.get(key);
  if (text("layer") !== null) patch.layer = text("layer");
  if (text("time") !== null) patch.time = text("time");
  if (text("expression")) Object.assign(patch, { mode: "expression", expression: text("expression") });
  else if (text("bands")) {
    patch.bands = text("bands")!.split(",");
    patch.mode = patch.bands.length === 3 ? "rgb" : "band";
  }
  if (text("stretch")) patch.stretch = parseStretch(text("stretch")!);
  if (text("colormap")) patch.colormap = text("colormap")!;
  const opacity = Number(text("opacity") ?? NaN);
  if (opacity >= 0 && opacity <= 1) patch.opacity = opacity;
  const place = (text("map") ?? "").split("/").map(Number);
  if (place.length === 3 && place.every(Number.isFinite)) patch.place = place as View["place"];
  return patch;
}

function parseStretch(text: string): Range[] {
  const ranges = text.split(";").map((part) => part.split(",").map(Number) as Range);
  const good = ranges.every((range) => range.length === 2 && range.every(Number.isFinite));
  return good ? ranges : [];
}

/** Percent-encode only what a fragment can't hold: people read these addresses. */
function readable(query: URLSearchParams): string {
  return query.toString().replace(/%2C/g, ",").replace(/%3B/g, ";").replace(/%3A/g, ":").replace(/%2F/g, "/");
}
