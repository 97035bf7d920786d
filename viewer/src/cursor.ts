/** The values under the pointer, or under the centre while the keyboard moves the map. */

import { toLonLat } from "ol/proj";
import type Map from "ol/Map";
import { ask, layerPath, type LayerInfo, type PointValues } from "./api";
import { h, paused } from "./dom";
import { degrees, number } from "./format";
import type { Store } from "./state";

export class Cursor {
  private info: LayerInfo | null = null;
  private asked: AbortController | null = null;
  private at: [number, number] | null = null;

  constructor(
    private readonly target: HTMLElement,
    map: Map,
    private readonly store: Store,
  ) {
    const look = paused(70, (lon: number, lat: number) => void this.look(lon, lat));
    map.on("pointermove", (event) => {
      if (event.dragging) return;
      const [lon, lat] = toLonLat(event.coordinate) as [number, number];
      look(lon, lat);
    });
    // A finger has no pointer that hovers: it taps.
    map.on("singleclick", (event) => look(...(toLonLat(event.coordinate) as [number, number])));
    map.on("moveend", () => {
      if (!map.getTargetElement()?.matches(":focus-visible")) return;
      const [lon, lat] = toLonLat(map.getView().getCenter() ?? [0, 0]) as [number, number];
      look(lon, lat);
    });
    store.subscribe((_, changed) => {
      const asked = ["time", "layer", "mode", "expression"] as const;
      if (this.at && asked.some((key) => changed.has(key))) look(...this.at);
    });
  }

  offer(info: LayerInfo): void {
    this.info = info;
  }

  private async look(lon: number, lat: number): Promise<void> {
    const { layer, time, mode, expression } = this.store.view;
    if (layer === null || !this.info) return;
    this.at = [lon, lat];
    this.asked?.abort();
    this.asked = new AbortController();
    const query = new URLSearchParams({ lon: lon.toFixed(6), lat: lat.toFixed(6) });
    if (time !== null) query.set("time", time);
    if (mode === "expression" && expression) {
      query.set("expression", expression);
      query.set("bands", this.info.variables.map(({ name }) => name).join(","));
    }
    try {
      const point = await ask<PointValues>(`${layerPath(layer)}/point`, query, this.asked.signal);
      this.show(lon, lat, point.values);
    } catch (error) {
      // A newer question replaced this one, or the point lies outside: both show no value.
      if (!(error instanceof DOMException)) this.show(lon, lat, {});
    }
  }

  private show(lon: number, lat: number, values: Record<string, number | null>): void {
    const rows = Object.entries(values).map(([name, value]) => {
      const cell = h("dd", {}, this.text(name, value));
      cell.dataset.variable = name;
      cell.dataset.value = value === null ? "" : String(value);
      return h("div", { className: value === null ? "none" : "" }, h("dt", {}, name), cell);
    });
    const list = rows.length ? h("dl", {}, ...rows) : h("p", { className: "note" }, "Outside the layer");
    this.target.replaceChildren(list, h("small", {}, degrees(lon, lat)));
    this.target.hidden = false;
  }

  private text(name: string, value: number | null): string {
    if (value === null) return "no data";
    const variable = this.info?.variables.find((one) => one.name === name);
    const category = variable?.categories?.find((one) => one.value === value);
    if (category) return category.label;
    const unit = variable?.units && variable.units !== "1" ? ` ${variable.units}` : "";
    return number(value) + unit;
  }
}
