/** The course of a point through all dates, drawn over the time slider. */

import { address, ask, layerPath, type LayerInfo, type SeriesValues } from "./api";
import { byId, h } from "./dom";
import { number } from "./format";
import type { Store, View } from "./state";

// More dots than these would run into each other.
const MOST_DOTS = 80;
const WIDTH = 400;
const HEIGHT = 64;
const SVG = "http://www.w3.org/2000/svg";
const CHANNEL_COLOURS = ["#d64545", "#3c9d4e", "#3f78d8"];

export class Series {
  private info: LayerInfo | null = null;
  private at: [lon: number, lat: number] | null = null;
  private values: SeriesValues["values"] = {};
  private query = new URLSearchParams();
  private asked: AbortController | null = null;
  private readonly chart = h("div", { id: "series", hidden: true });

  constructor(
    private readonly store: Store,
    private readonly onPin: (at: [number, number] | null) => void,
  ) {
    store.subscribe((_, changed) => {
      if (changed.has("layer")) this.close();
      else if (["bands", "mode", "expression"].some((key) => changed.has(key as keyof View))) void this.load();
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
    if (times.length < 2) return;
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
    this.query = new URLSearchParams({ lon: at[0].toFixed(6), lat: at[1].toFixed(6) });
    if (mode === "expression") this.query.set("expression", expression);
    else this.query.set("bands", this.shown(this.store.view).join(","));
    try {
      const found = await ask<SeriesValues>(`${layerPath(info.name)}/series`, this.query, signal);
      if (signal.aborted) return;
      // The chart stands above the slider: its order is that of the slider.
      const row = new Map(found.times.map((time, index) => [time, index]));
      const order = info.times.map((time) => row.get(time) ?? -1);
      this.values = Object.fromEntries(
        Object.entries(found.values).map(([name, all]) => [name, order.map((index) => all[index] ?? null)]),
      );
      this.draw();
    } catch (error) {
      if (!signal.aborted) this.refuse(error instanceof Error ? error.message : String(error));
    }
  }

  private refuse(message: string): void {
    this.chart.replaceChildren(h("p", { className: "trouble", role: "alert" }, message), this.closer());
    this.chart.hidden = false;
  }

  /** Return the names of what is on the map: variables, or the expression. */
  private shown(view: View): string[] {
    return view.mode === "expression" ? [view.expression] : [...new Set(view.bands)];
  }

  private draw(): void {
    if (!this.at) return;
    const names = this.shown(this.store.view);
    const values = names.flatMap((name) => this.values[name] ?? []).filter((one) => one !== null);
    if (!values.length) return this.refuse("No values here on any date");
    const [low, high] = values.reduce(([a, b], one) => [Math.min(a, one), Math.max(b, one)], [Infinity, -Infinity]);
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
      this.closer(),
    );
    this.chart.hidden = false;
  }

  private closer(): HTMLElement {
    const query = new URLSearchParams([...this.query, ["format", "csv"]]);
    const table = h("a", { href: address(`${layerPath(this.info!.name)}/series`, query), download: "series.csv" }, "CSV");
    table.setAttribute("aria-label", "Download the values as CSV");
    const close = h("button", { type: "button", onclick: () => this.close(), aria: { label: "Close the chart" } }, "×");
    return h("div", { className: "tools" }, table, close);
  }

  private x(index: number): number {
    return (index / (this.info!.times!.length - 1)) * WIDTH;
  }

  private marker(): string {
    const x = this.x(Math.max(0, this.info!.times!.indexOf(this.store.view.time ?? ""))).toFixed(1);
    return `<line class="now" x1="${x}" x2="${x}" y1="0" y2="${HEIGHT}" />`;
  }

  /** Draw a variable as a line that leaves out dates without a value. */
  private line(name: string, order: number, low: number, high: number): string {
    const points = (this.values[name] ?? []).flatMap((value, index) => {
      if (value === null) return [];
      const y = HEIGHT - 4 - ((value - low) / (high - low || 1)) * (HEIGHT - 8);
      return [`${this.x(index).toFixed(1)},${y.toFixed(1)}`];
    });
    const several = this.shown(this.store.view).length > 1;
    const colour = several ? (CHANNEL_COLOURS[order] ?? "currentColor") : "var(--accent)";
    // A zero-length line with a round cap is a dot, whatever the drawing's proportions.
    const dots = points.length > MOST_DOTS ? "" : points.map((point) => `M${point}h0`).join("");
    return (
      `<polyline points="${points.join(" ")}" style="stroke:${colour}" />` +
      `<path class="dots" d="${dots}" style="stroke:${colour}" />`
    );
  }
}
