/** The list of layers, filtered by a search: one is shown. */

import type { LayerList, LayerSummary } from "./api";
import { byId, h } from "./dom";
import { moment } from "./format";
import { HINT, matches } from "./search";
import type { Store } from "./state";

// Fewer are seen at a glance.
const SEARCHED = 3;

export class Layers {
  private readonly entries: [LayerSummary, HTMLElement][];
  private readonly list = h("div", { id: "layer-list", role: "radiogroup", aria: { label: "Layers" } });
  private readonly count = h("p", { className: "note", role: "status", hidden: true });

  constructor(
    target: HTMLElement,
    { layers, unreadable }: LayerList,
    private readonly store: Store,
    private readonly onHover: (layer: LayerSummary | null) => void,
  ) {
    this.entries = layers.map((layer) => [layer, this.entry(layer)]);
    this.list.append(...this.entries.map(([, label]) => label));
    const broken = unreadable.map(({ name, detail }) =>
      h("p", { className: "trouble" }, `${name} can't be read: ${detail}`),
    );
    target.replaceChildren(...(layers.length < SEARCHED ? [] : [this.search()]), this.list, this.count, ...broken);
    if (!layers.length) this.say("The catalog has no layers yet.");
    store.subscribe((_, changed) => changed.has("layer") && this.select());
    this.select();
  }

  private search(): HTMLElement {
    const box = h("input", {
      type: "search",
      id: "search",
      placeholder: "Search layers",
      title: HINT,
      oninput: () => this.filter(box.value),
      aria: { label: "Search layers", controls: "layer-list" },
    });
    window.addEventListener("keydown", (event) => {
      const typing = event.target instanceof Element && event.target.matches("input, select, textarea");
      if (event.key !== "/" || typing) return;
      event.preventDefault();
      document.body.classList.remove("folded");
      byId("search").focus();
    });
    return box;
  }

  private filter(text: string): void {
    let found = 0;
    for (const [layer, label] of this.entries) {
      label.hidden = !matches(layer, text);
      if (!label.hidden) found += 1;
    }
    this.say(text.trim() && `${found} of ${this.entries.length} layers${found ? "" : `. ${HINT}`}`);
  }

  private say(text: string): void {
    this.count.textContent = text;
    this.count.hidden = !text;
  }

  private select(): void {
    for (const input of this.list.querySelectorAll("input")) {
      input.checked = input.value === this.store.view.layer;
    }
  }

  private entry(layer: LayerSummary): HTMLElement {
    const input = h("input", {
      type: "radio",
      name: "layer",
      value: layer.name,
      onchange: () => this.store.update({ layer: layer.name }),
      onfocus: () => this.onHover(layer),
      onblur: () => this.onHover(null),
    });
    const text = h("span", {}, h("strong", {}, layer.title || layer.name), h("small", {}, facts(layer)));
    const label = h("label", { className: "layer" }, input, text);
    label.onpointerenter = () => this.onHover(layer);
    label.onpointerleave = () => this.onHover(null);
    return label;
  }
}

function facts(layer: LayerSummary): string {
  const variables = layer.variables.length;
  const parts = [variables === 1 ? "1 variable" : `${variables} variables`];
  if (layer.times && layer.times.count === 1) parts.push(moment(layer.times.first));
  else if (layer.times) parts.push(`${layer.times.count} dates`);
  return parts.join(" · ");
}
