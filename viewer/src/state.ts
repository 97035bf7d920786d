/** What the page shows, kept in the address so that it can be passed on. */

/** Who draws: the server, or the browser from the layer's cells. */
export type Draw = "tiles" | "zarr";
export type Mode = "band" | "rgb" | "expression";
export type Range = [low: number, high: number];

/** What decides how a tile looks. */
export interface Look {
  layer: string | null;
  time: string | null;
  mode: Mode;
  bands: string[];
  expression: string;
  /** Empty: the server finds one. */
  stretch: Range[];
  /** A name, or JSON from value to colour; empty: the server's choice, such as own colours. */
  colormap: string;
}

export interface View extends Look {
  draw: Draw;
  opacity: number;
  /** What stands to the right of the border that is swiped; null: nothing is compared. */
  beside: Look | null;
  /** Where that border is: share of the map's width. */
  border: number;
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
  draw: "tiles",
  opacity: 1,
  beside: null,
  border: 0.5,
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

export function lookOf({ layer, time, mode, bands, expression, stretch, colormap }: Look): Look {
  return { layer, time, mode, bands, expression, stretch, colormap };
}

/** A look as the server's query. */
export function styleQuery(view: Look): URLSearchParams {
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

function lookQuery(look: Look): URLSearchParams {
  const query = styleQuery(look);
  if (look.layer !== null) query.set("layer", look.layer);
  return query;
}

export function toHash(view: View): string {
  const query = lookQuery(view);
  if (view.draw !== "tiles") query.set("draw", view.draw);
  if (view.opacity !== 1) query.set("opacity", String(view.opacity));
  if (view.beside) {
    query.set("beside", readable(lookQuery(view.beside)));
    query.set("border", view.border.toFixed(3));
  }
  const place = view.place ? `map=${view.place.join("/")}` : "";
  return [readable(query), place].filter(Boolean).join("&");
}

export function fromHash(hash: string): Partial<View> {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const patch: Partial<View> = fromQuery(query);
  const share = (key: string): number | null => {
    const value = Number(query.get(key) ?? NaN);
    return value >= 0 && value <= 1 ? value : null;
  };
  const [opacity, border, beside] = [share("opacity"), share("border"), query.get("beside")];
  if (query.get("draw") === "zarr") patch.draw = "zarr";
  if (opacity !== null) patch.opacity = opacity;
  if (border !== null) patch.border = border;
  if (beside) patch.beside = { ...lookOf(START), ...fromQuery(new URLSearchParams(beside)) };
  const place = (query.get("map") ?? "").split("/").map(Number);
  if (place.length === 3 && place.every(Number.isFinite)) patch.place = place as View["place"];
  return patch;
}

function fromQuery(query: URLSearchParams): Partial<Look> {
  const look: Partial<Look> = {};
  const text = (key: string): string | null => query.get(key);
  if (text("layer") !== null) look.layer = text("layer");
  if (text("time") !== null) look.time = text("time");
  if (text("expression")) Object.assign(look, { mode: "expression", expression: text("expression") });
  else if (text("bands")) {
    look.bands = text("bands")!.split(",");
    look.mode = look.bands.length === 3 ? "rgb" : "band";
  }
  if (text("stretch")) look.stretch = parseStretch(text("stretch")!);
  if (text("colormap")) look.colormap = text("colormap")!;
  return look;
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
