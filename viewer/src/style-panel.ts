/** Bands or an expression, how they are coloured, and opacity. */

import type { LayerInfo, Legend } from "./api";
import { categoriesOf } from "./categories";
import { Colours } from "./colours";
import { h, option, paused, refill } from "./dom";
import { naturalColours } from "./natural";
import { isReadable } from "./paint";
import type { Draw, Mode, Store } from "./state";
import { Stretches } from "./stretch";

const CHANNELS = ["Red", "Green", "Blue"];

export class StylePanel {
  private info: LayerInfo | null = null;
  private readonly colours: Colours;
  private readonly stretches: Stretches;

  constructor(
    private readonly target: HTMLElement,
    colormaps: string[],
    private readonly store: Store,
  ) {
    this.colours = new Colours(colormaps, store);
    this.stretches = new Stretches(store);
    store.subscribe((_, changed) => {
      // Typing must not lose the focus: values that the parts themselves hold don't redraw them.
      if (changed.has("mode") || changed.has("bands") || changed.has("draw")) this.draw();
      else if (changed.has("colormap")) this.hide();
    });
  }

  offer(info: LayerInfo): void {
    this.info = info;
    this.draw();
  }

  /** Show the colours and the stretch that the server chose where none were given. */
  suggest(legend: Legend): void {
    this.colours.paint(legend);
    this.stretches.suggest(legend.stretch);
  }

  /** Say what is wrong with the expression, or that nothing is. */
  complain(message: string | null): void {
    const note = this.target.querySelector<HTMLElement>("#expression-trouble");
    const box = this.target.querySelector("#expression");
    if (!note || !box) return;
    note.textContent = message ?? "";
    note.hidden = message === null;
    box.setAttribute("aria-invalid", String(message !== null));
  }

  private draw(): void {
    const { mode, layer } = this.store.view;
    if (!this.info || this.info.name !== layer) return;
    this.colours.offer(this.info);
    refill(
      this.target,
      this.modes(),
      ...(mode === "expression" ? this.formula() : this.bandChoices()),
      this.colours.element,
      this.stretches.element,
      this.opacity(),
      ...(isReadable(this.info) ? this.drawers() : []),
    );
    this.stretches.draw();
    this.hide();
  }

  /** Hide what means nothing for the look. */
  private hide(): void {
    const view = this.store.view;
    this.colours.element.hidden = view.mode === "rgb";
    this.stretches.element.hidden = categoriesOf(this.info, view) !== null;
  }

  private modes(): HTMLElement {
    const names = this.info!.variables.length;
    const choices: [Mode, string, boolean][] = [
      ["band", "Band", true],
      ["rgb", "RGB", names >= 3],
      ["expression", "Expression", true],
    ];
    return h(
      "div",
      { className: "segments", role: "radiogroup", aria: { label: "Kind of style" } },
      ...choices.map(([mode, text, enabled]) =>
        h(
          "label",
          {},
          h("input", {
            type: "radio",
            name: "mode",
            id: `mode-${mode}`,
            checked: this.store.view.mode === mode,
            disabled: !enabled,
            onchange: () => this.turn(mode),
          }),
          h("span", {}, text),
        ),
      ),
    );
  }

  /** Offer to draw from cells, where the browser can read them. */
  private drawers(): HTMLElement[] {
    const choices: [Draw, string, string][] = [
      ["tiles", "Tiles", "The server draws tiles"],
      ["zarr", "Zarr", "The browser reads the layer's Zarr store, and draws"],
    ];
    const { draw, mode } = this.store.view;
    const segments = h(
      "div",
      { className: "segments", role: "radiogroup", aria: { label: "Who draws" } },
      ...choices.map(([value, text, title]) => {
        const input = h("input", {
          type: "radio",
          name: "draw",
          id: `draw-${value}`,
          checked: draw === value,
          onchange: () => this.store.update({ draw: value }),
        });
        return h("label", { title }, input, h("span", {}, text));
      }),
    );
    const row = h("div", { className: "field" }, h("span", {}, "Draw"), segments);
    if (draw === "tiles" || mode !== "expression") return [row];
    return [row, h("p", { className: "note" }, "An expression is computed by the server.")];
  }

  /** Change the kind of style, with bands that fit it. */
  private turn(mode: Mode): void {
    const names = this.info!.variables.map((variable) => variable.name);
    const three = naturalColours(this.info!) ?? names.slice(0, 3);
    const bands = mode === "rgb" ? three : names.slice(0, 1);
    const expression = this.store.view.expression || this.example(names);
    this.store.update({ mode, bands, expression, stretch: [], colormap: "" });
  }

  private example(names: string[]): string {
    const index = names.includes("nir") && names.includes("red");
    return index ? "(nir - red) / (nir + red)" : (names[0] ?? "");
  }

  private bandChoices(): HTMLElement[] {
    const { mode, bands } = this.store.view;
    const rows = mode === "rgb" ? CHANNELS : ["Band"];
    return rows.map((text, row) => {
      const select = h(
        "select",
        { id: `band-${row}`, onchange: () => this.choose(row, select.value) },
        ...this.info!.variables.map(({ name }) => option(name, name, name === bands[row])),
      );
      return field(text, select);
    });
  }

  private choose(row: number, name: string): void {
    const bands = [...this.store.view.bands];
    bands[row] = name;
    this.store.update({ bands, stretch: [], ...(this.keepsColours(name) ? {} : { colormap: "" }) });
  }

  /** Whether the chosen colours fit another band: categories have their own. */
  private keepsColours(name: string): boolean {
    const variable = this.info?.variables.find((one) => one.name === name);
    return !variable?.categories?.length && !this.store.view.colormap.startsWith("{");
  }

  private formula(): HTMLElement[] {
    const change = paused(350, () => this.store.update({ expression: box.value.trim() || box.defaultValue }));
    const box = h("textarea", {
      id: "expression",
      rows: 2,
      spellcheck: false,
      value: this.store.view.expression,
      oninput: change,
      aria: { describedby: "expression-trouble" },
    });
    const names = this.info!.variables.map((variable) => variable.name).join(", ");
    return [
      field("Expression", box),
      h("p", { id: "expression-trouble", className: "trouble", role: "alert", hidden: true }),
      h("p", { className: "note" }, `Bands: ${names}`),
    ];
  }

  private opacity(): HTMLElement {
    const slider = h("input", {
      type: "range",
      id: "opacity",
      min: "0",
      max: "1",
      step: "0.05",
      value: String(this.store.view.opacity),
      oninput: () => this.store.update({ opacity: Number(slider.value) }),
    });
    return field("Opacity", slider);
  }
}

function field(text: string, control: HTMLElement): HTMLElement {
  return h("label", { className: "field" }, h("span", {}, text), control);
}
