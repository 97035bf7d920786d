/** Bands, expression, colour map, stretch and opacity. */

import type { LayerInfo } from "./api";
import { h, option, paused } from "./dom";
import { number } from "./format";
import { naturalColours } from "./natural";
import type { Mode, Range, Store, View } from "./state";

const CHANNELS = ["Red", "Green", "Blue"];

export class StylePanel {
  private info: LayerInfo | null = null;
  private found: Range[] = [];

  constructor(
    private readonly target: HTMLElement,
    private readonly colormaps: string[],
    private readonly store: Store,
  ) {
    store.subscribe((_, changed) => {
      // Typing must not lose the focus: values that the panel itself holds don't redraw it.
      if (["mode", "bands", "layer", "colormap"].some((key) => changed.has(key as keyof View))) {
        this.draw();
      }
    });
  }

  offer(info: LayerInfo): void {
    this.info = info;
    this.found = [];
    this.draw();
  }

  /** Show the stretch that the server chose where none was given. */
  suggest(stretch: Range[]): void {
    this.found = stretch;
    this.target.querySelectorAll<HTMLInputElement>("input[data-end]").forEach((input) => {
      input.placeholder = this.placeholder(Number(input.dataset.row), Number(input.dataset.end));
    });
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
    if (!this.info) return;
    const focus = document.activeElement?.id;
    const { mode } = this.store.view;
    this.target.replaceChildren(
      this.modes(),
      ...(mode === "expression" ? this.formula() : this.bandChoices()),
      ...(mode === "rgb" ? [] : [this.colormapChoice()]),
      this.stretches(),
      this.opacity(),
    );
    if (focus) document.getElementById(focus)?.focus();
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
    this.store.update({ bands, stretch: [], ...(this.categorised(name) ? { colormap: "" } : {}) });
  }

  private categorised(name: string | undefined): boolean {
    const variable = this.info?.variables.find((one) => one.name === name);
    return Boolean(variable?.categories?.length);
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

  private colormapChoice(): HTMLElement {
    const { colormap, bands, mode } = this.store.view;
    const own = mode === "band" && this.categorised(bands[0]) ? "Own colours" : "Automatic";
    const select = h(
      "select",
      { id: "colormap", onchange: () => this.store.update({ colormap: select.value }) },
      option("", own, colormap === ""),
      ...this.colormaps.map((name) => option(name, name, name === colormap)),
    );
    return field("Colours", select);
  }

  private stretches(): HTMLElement {
    const { mode, stretch } = this.store.view;
    const rows = mode === "rgb" ? 3 : 1;
    const box = h("fieldset", { id: "stretch" }, h("legend", {}, "Stretch"));
    for (let row = 0; row < rows; row += 1) {
      const range = stretch.length === 1 ? stretch[0] : stretch[row];
      const label = rows === 3 ? `${CHANNELS[row]}: ` : "";
      const ends = [0, 1].map((end) => {
        const input = h("input", {
          type: "number",
          step: "any",
          id: `stretch-${row}-${end}`,
          value: range ? String(range[end]) : "",
          placeholder: this.placeholder(row, end),
          onchange: () => this.readStretch(rows),
          aria: { label: `${label}${end === 0 ? "lowest" : "highest"} value` },
        });
        input.dataset.row = String(row);
        input.dataset.end = String(end);
        return input;
      });
      box.append(h("div", { className: "pair" }, ends[0]!, h("span", {}, "to"), ends[1]!));
    }
    return box;
  }

  private placeholder(row: number, end: number): string {
    const range = this.found.length === 1 ? this.found[0] : this.found[row];
    return range ? number(range[end] as number) : "automatic";
  }

  /** Take the stretch from the inputs; an empty end is what the server found. */
  private readStretch(rows: number): void {
    const input = (row: number, end: number): HTMLInputElement =>
      this.target.querySelector<HTMLInputElement>(`#stretch-${row}-${end}`)!;
    const all = Array.from({ length: rows }, (_, row) => [input(row, 0), input(row, 1)]);
    if (all.flat().every((one) => one.value === "")) return this.store.update({ stretch: [] });
    const stretch = all.map((ends) =>
      ends.map((one) => Number(one.value || one.placeholder)),
    ) as Range[];
    const good = stretch.every(([low, high]) => Number.isFinite(low) && Number.isFinite(high) && low < high);
    for (const one of all.flat()) one.setAttribute("aria-invalid", String(!good));
    if (good) this.store.update({ stretch });
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
