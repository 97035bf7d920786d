/** What the colours mean. */

import type { Category, LayerInfo, Legend } from "./api";
import { categoriesOf, colormapOf, shownValues } from "./categories";
import { h, refill } from "./dom";
import { number } from "./format";
import type { Store, View } from "./state";

export function drawLegend(target: HTMLElement, legend: Legend, info: LayerInfo, store: Store): void {
  const view = store.view;
  const own = categoriesOf(info, view);
  if (own) refill(target, choices(own, store));
  else if (legend.categories.length) target.replaceChildren(categories(legend));
  else if (view.mode === "rgb") target.replaceChildren(channels(legend, view.bands));
  else target.replaceChildren(ramp(legend, view));
}

/** Categories that can be left out; one at least is shown. */
function choices(all: Category[], store: Store): HTMLElement {
  const shown = shownValues(all, store.view);
  const turn = (value: number, on: boolean): void => {
    const next = new Set(shown);
    if (on) next.add(value);
    else next.delete(value);
    store.update({ colormap: colormapOf(all, next) });
  };
  const row = ({ value, label, color }: Category): HTMLElement => {
    const checked = shown.has(value);
    const box = h("input", {
      type: "checkbox",
      id: `category-${value}`,
      checked,
      disabled: checked && shown.size === 1,
      onchange: () => turn(value, box.checked),
    });
    const swatch = h("i");
    swatch.style.background = color;
    return h("li", {}, h("label", { className: checked ? "" : "off" }, box, swatch, label));
  };
  return h("ul", { className: "categories" }, ...all.map(row));
}

function categories(legend: Legend): HTMLElement {
  return h(
    "ul",
    { className: "categories" },
    ...legend.categories.map(({ label, color }) => {
      const swatch = h("i");
      swatch.style.background = color;
      return h("li", {}, swatch, label);
    }),
  );
}

function channels(legend: Legend, bands: string[]): HTMLElement {
  const rows = ["red", "green", "blue"].map((channel, row) => {
    const range = legend.stretch[legend.stretch.length === 1 ? 0 : row];
    const bar = h("i", { className: "bar" });
    bar.style.background = `linear-gradient(90deg, #000, ${channel === "green" ? "#0f0" : channel})`;
    const text = range ? `${number(range[0])} – ${number(range[1])}` : "";
    return h("li", {}, bar, h("span", {}, bands[row] ?? ""), h("small", {}, text));
  });
  return h("ul", { className: "channels" }, ...rows);
}

function ramp(legend: Legend, view: View): HTMLElement {
  const [low, high] = legend.stretch[0] ?? [NaN, NaN];
  const bar = h("div", { className: "ramp" });
  bar.style.background = `linear-gradient(90deg, ${legend.colors.join(", ")})`;
  const ticks = [low, (low + high) / 2, high].map((value) => h("span", {}, number(value)));
  const name = view.mode === "expression" ? view.expression : (view.bands[0] ?? "");
  const unit = legend.units && legend.units !== "1" ? ` (${legend.units})` : "";
  return h(
    "figure",
    {},
    h("figcaption", {}, `${name}${unit}`),
    bar,
    h("div", { className: "ticks" }, ...ticks),
  );
}
