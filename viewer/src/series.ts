/** The course of a point through all dates, drawn over the time slider. */

import { ask, layerPath, type LayerInfo, type PointValues } from "./api";
import { byId, h } from "./dom";
import { number } from "./format";
import type { Store, View } from "./state";

const MOST_DATES = 200;
const WIDTH = 400;
const HEIGHT = 64;
const SVG = "http://www.w3.org/2000/svg";
const CHANNEL_COLOURS = ["#d64545", "#3c9d4e", "#3f78d8"];

type Row = Record<string, number | null>;

export class Series {
  private info: LayerInfo | null = null;
  private at: [lon: number, lat: number] | null = null;
  private rows: Row[] = [];
  private asked: AbortController | null = null;
  private readonly chart = h("div", { id: "series", hidden: true });

  constructor(
    private readonly store: Store,
    private readonly onPin: (at: [number, number] | null) => void,
  ) {
    store.subscribe((_, changed) => {
      if (changed.has("layer")) this.close();
      else if (changed.has("bands") || changed.has("mode")) void this.load();
      else if (changed.has("time")) this.draw();
    });
    window.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  /** Take a layer; the chart stands above the slider, which has to be on the page by then. */
  offer(info: LayerInfo): void {
    this.info = info;
    const slider = byId("time");
    if (!this.chart.isConnected) slider.before(this.chart);
  }

  pin(lon: number, lat: number): void {
    const times = this.info?.times ?? [];
    if (times.length < 2 || times.length > MOST_DATES) return;
    this.at = [lon, lat];
    this.onPin(this.at);
    void this.load();
  }

  private close(): void {
    this.asked?.abort();
    this.at = null;
    this.chart.hidden = true;
    this.onPin(null);
  }

  private async load(): Promise<void> {
    const { at, info } = this;
    if (!at || !info?.times) return;
    this.asked?.abort();
    const { signal } = (this.asked = new AbortController());
    const { mode, expression } = this.store.view;
    const shown = this.shown(this.store.view);
    const one = async (time: string): Promise<Row> => {
      const query = new URLSearchParams({ lon: at[0].toFixed(6), lat: at[1].toFixed(6), time });
      if (mode === "expression") query.set("expression", expression);
      else query.set("bands", shown.join(","));
      return (await ask<PointValues>(`${layerPath(info.name)}/point`, query, signal)).values;
    };
    try {
      this.rows = await Promise.all(info.times.map(one));
      this.draw();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Return the names of what is on the map: variables, or the expression. */
  private shown(view: View): string[] {
    return view.mode === "expression" ? [view.expression] : [...new Set(view.bands)];
  }

  private draw(): void {
    if (!this.at || !this.rows.length) return;
    const names = this.shown(this.store.view);
    const values = this.rows.flatMap((row) => names.map((name) => row[name] ?? NaN)).filter(Number.isFinite);
    const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${names.join(", ")} at the marked point, over all dates`);
    svg.innerHTML = this.marker() + names.map((name, i) => this.line(name, i, low, high)).join("");
    this.chart.replaceChildren(
      h("span", { className: "high" }, number(high)),
      h("span", { className: "low" }, number(low)),
      svg,
      h("button", { type: "button", onclick: () => this.close(), aria: { label: "Close the chart" } }, "×"),
    );
    this.chart.hidden = false;
  }

  private x(index: number): number {
    return (index / (this.rows.length - 1)) * WIDTH;
  }

  private marker(): string {
    const x = this.x(Math.max(0, this.info!.times!.indexOf(this.store.view.time ?? ""))).toFixed(1);
    return `<line class="now" x1="${x}" x2="${x}" y1="0" y2="${HEIGHT}" />`;
  }

  /** Draw a variable as a line that leaves out dates without a value. */
  private line(name: string, order: number, low: number, high: number): string {
    const points = this.rows.flatMap((row, index) => {
      const value = row[name];
      if (value === null || value === undefined) return [];
      const y = HEIGHT - 4 - ((value - low) / (high - low || 1)) * (HEIGHT - 8);
      return [`${this.x(index).toFixed(1)},${y.toFixed(1)}`];
    });
    const several = this.shown(this.store.view).length > 1;
    const colour = several ? (CHANNEL_COLOURS[order] ?? "currentColor") : "var(--accent)";
    // A zero-length line with a round cap is a dot, whatever the drawing's proportions.
    const dots = points.map((point) => `M${point}h0`).join("");
    return (
      `<polyline points="${points.join(" ")}" style="stroke:${colour}" />` +
      `<path class="dots" d="${dots}" style="stroke:${colour}" />`
    );
  }
}
