/** The choice of a colour map, each with its colours. */

import { ask, layerPath, type LayerInfo, type Legend } from "./api";
import { h } from "./dom";
import type { Store } from "./state";

const REVERSED = "_r";

export class Colours {
  private readonly ramp = h("i", { className: "ramp" });
  private readonly name = h("span");
  private readonly list = h("div", { className: "ramps", role: "radiogroup", aria: { label: "Colours" } });
  private readonly reversed = h("input", {
    type: "checkbox",
    id: "reversed",
    onchange: () => this.choose(this.base(this.store.view.colormap)),
  });
  readonly element = h(
    "details",
    { id: "colours", className: "colours" },
    h("summary", {}, h("span", { className: "key" }, "Colours"), this.ramp, this.name),
    h("input", {
      type: "search",
      id: "colours-search",
      placeholder: "Search colours",
      oninput: (event) => this.filter((event.target as HTMLInputElement).value),
      aria: { label: "Search colours" },
    }),
    this.list,
    h("label", { className: "check" }, this.reversed, "Reversed"),
  );
  private info: LayerInfo | null = null;
  private readonly entries = new Map<string, HTMLLabelElement>();
  private readonly seen = new IntersectionObserver((changes) => {
    for (const { isIntersecting, target } of changes) {
      if (isIntersecting) void this.preview(target as HTMLLabelElement);
    }
  });

  constructor(
    colormaps: string[],
    private readonly store: Store,
  ) {
    for (const name of ["", ...colormaps]) this.entries.set(name, this.entry(name));
    this.list.append(...this.entries.values());
    for (const [name, label] of this.entries) if (name) this.seen.observe(label);
    store.subscribe((_, changed) => changed.has("colormap") && this.select());
  }

  offer(info: LayerInfo): void {
    this.info = info;
    this.select();
  }

  /** Show the colours of what is on the map. */
  paint({ colors, categories }: Legend): void {
    const shown = categories.length ? categories.map(({ color }) => color) : colors;
    this.ramp.style.background = categories.length ? blocks(shown) : gradient(shown);
  }

  private entry(name: string): HTMLLabelElement {
    const input = h("input", {
      type: "radio",
      name: "colormap",
      value: name,
      onchange: () => this.choose(name),
    });
    const text = h("span", {}, h("i", { className: "ramp" }), h("em", {}, name || "Automatic"));
    return h("label", {}, input, text);
  }

  private filter(text: string): void {
    const word = text.trim().toLowerCase();
    for (const [name, label] of this.entries) label.hidden = !name.toLowerCase().includes(word);
  }

  private base(colormap: string): string {
    return colormap.endsWith(REVERSED) ? colormap.slice(0, -REVERSED.length) : colormap;
  }

  private choose(name: string): void {
    const turned = this.reversed.checked && name && !name.startsWith("{");
    this.store.update({ colormap: turned ? name + REVERSED : name });
  }

  private select(): void {
    const { colormap, bands, mode } = this.store.view;
    const own = colormap.startsWith("{") ? "" : colormap;
    const variable = this.info?.variables.find(({ name }) => name === bands[0]);
    const automatic = mode === "band" && variable?.categories?.length ? "Own colours" : "Automatic";
    this.entries.get("")!.querySelector("em")!.textContent = automatic;
    this.reversed.checked = own.endsWith(REVERSED);
    this.reversed.disabled = !own;
    this.name.textContent = own || automatic;
    for (const [name, label] of this.entries) {
      label.querySelector("input")!.checked = name === this.base(own);
    }
  }

  /** Ask for the colours of an entry once it is seen; no data of the layer is read for that. */
  private async preview(label: HTMLLabelElement): Promise<void> {
    const variable = this.info?.variables[0];
    if (!this.info || !variable) return;
    this.seen.unobserve(label);
    const query = new URLSearchParams({
      bands: variable.name,
      colormap: label.querySelector("input")!.value,
      stretch: "0,1",
    });
    try {
      const { colors } = await ask<Legend>(`${layerPath(this.info.name)}/legend.json`, query);
      label.querySelector("i")!.style.background = gradient(colors);
    } catch {
      this.seen.observe(label);
    }
  }
}

const gradient = (colours: string[]): string => `linear-gradient(90deg, ${colours.join(", ")})`;

function blocks(colours: string[]): string {
  const end = (i: number): string => `${((100 * i) / colours.length).toFixed(2)}%`;
  return gradient(colours.map((colour, i) => `${colour} ${end(i)} ${end(i + 1)}`));
}
