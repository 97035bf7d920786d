/** The list of layers: one is shown. */

import type { LayerSummary } from "./api";
import { h } from "./dom";
import { moment } from "./format";
import type { Store } from "./state";

export function layerList(target: HTMLElement, layers: LayerSummary[], store: Store): void {
  target.replaceChildren(...layers.map((layer) => entry(layer, store)));
  const select = (): void => {
    for (const input of target.querySelectorAll("input")) {
      input.checked = input.value === store.view.layer;
    }
  };
  store.subscribe((_, changed) => changed.has("layer") && select());
  select();
  if (!layers.length) {
    target.append(h("p", { className: "note" }, "The catalog has no layers yet."));
  }
}

function entry(layer: LayerSummary, store: Store): HTMLElement {
  const input = h("input", {
    type: "radio",
    name: "layer",
    value: layer.name,
    onchange: () => store.update({ layer: layer.name }),
  });
  const text = h(
    "span",
    {},
    h("strong", {}, layer.title || layer.name),
    h("small", {}, facts(layer)),
  );
  return h("label", { className: "layer" }, input, text);
}

function facts(layer: LayerSummary): string {
  const variables = layer.variables.length;
  const parts = [variables === 1 ? "1 variable" : `${variables} variables`];
  if (layer.times && layer.times.count === 1) parts.push(moment(layer.times.first));
  else if (layer.times) parts.push(`${layer.times.count} dates`);
  return parts.join(" · ");
}
