/** Between which values colours run: by hand, by percentiles, or by dragging in a histogram. */

import type { BandStatistics } from "./api";
import { h, paused } from "./dom";
import { number, rounded } from "./format";
import { Histogram } from "./histogram";
import { lookOf, type Range, type Store } from "./state";
import { statisticsOf } from "./statistics";

const CHANNELS = ["Red", "Green", "Blue"];
// Longer than a date is shown while dates are played: only where they rest is counted.
const REST_MS = 1500;

type Preset = [text: string, label: string, of: (found: BandStatistics) => Range | null];

const between = (low: string, high: string) => (found: BandStatistics): Range | null =>
  range(found.percentiles[low], found.percentiles[high]);

const PRESETS: Preset[] = [
  ["Min–max", "From the lowest to the highest value", (found) => range(found.min, found.max)],
  ["1–99 %", "From percentile 1 to 99", between("p1", "p99")],
  ["2–98 %", "From percentile 2 to 98", between("p2", "p98")],
];

export class Stretches {
  readonly element = h("fieldset", { id: "stretch" });
  private found: Range[] = [];
  private statistics: BandStatistics[] = [];
  private histograms: Histogram[] = [];
  private inputs: HTMLInputElement[][] = [];
  private typed = false;
  private turn = 0;
  private readonly drag = paused(120, (stretch: Range[]) => this.store.update({ stretch }));

  constructor(private readonly store: Store) {
    const later = paused(REST_MS, () => void this.count());
    store.subscribe((_, changed) => {
      if (changed.has("time") && !changed.has("layer")) later();
      if (changed.has("stretch")) this.fill();
      if (changed.has("expression") && !changed.has("mode")) void this.count();
    });
  }

  /** Show the stretch that the server chose where none was given. */
  suggest(found: Range[]): void {
    this.found = found;
    this.fill(true);
  }

  /** Build the fields anew for other bands. */
  draw(): void {
    const rows = this.store.view.mode === "rgb" ? 3 : 1;
    this.statistics = [];
    this.histograms = [];
    this.inputs = [];
    this.element.replaceChildren(h("legend", {}, "Stretch"), this.presets());
    for (let row = 0; row < rows; row += 1) this.element.append(this.row(row, rows));
    this.fill();
    void this.count();
  }

  private presets(): HTMLElement {
    const auto = h("button", { type: "button", className: "small", id: "stretch-auto" }, "Auto");
    auto.title = "The server's choice";
    auto.onclick = () => this.store.update({ stretch: [] });
    const buttons = PRESETS.map(([text, label, of]) => {
      const button = h("button", { type: "button", className: "small", title: label }, text);
      button.onclick = () => this.take(of);
      return button;
    });
    return h("div", { className: "presets", role: "group", aria: { label: "Stretch by statistics" } }, auto, ...buttons);
  }

  private take(of: Preset[2]): void {
    const stretch = this.statistics.map(of);
    if (stretch.length === this.inputs.length && stretch.every((one) => one !== null)) {
      this.store.update({ stretch: stretch as Range[] });
    }
  }

  private row(row: number, rows: number): HTMLElement {
    const label = rows === 3 ? `${CHANNELS[row]}: ` : "";
    const histogram = new Histogram(`histogram-${row}`, label, (moved, done) => this.moved(row, moved, done));
    if (rows === 3) histogram.element.dataset.channel = CHANNELS[row];
    const ends = [0, 1].map((end) =>
      h("input", {
        type: "number",
        step: "any",
        id: `stretch-${row}-${end}`,
        onchange: () => this.read(),
        aria: { label: `${label}${end === 0 ? "lowest" : "highest"} value` },
      }),
    );
    this.histograms.push(histogram);
    this.inputs.push(ends);
    return h(
      "div",
      { className: "stretch-row" },
      histogram.element,
      h("div", { className: "pair" }, ends[0]!, h("span", {}, "to"), ends[1]!),
    );
  }

  /** Ask for the histograms of what is shown. */
  private async count(): Promise<void> {
    const turn = ++this.turn;
    let statistics: BandStatistics[] = [];
    try {
      statistics = await statisticsOf(lookOf(this.store.view));
    } catch {
      // The legend says what is wrong with a style; without a histogram the fields still work.
    }
    if (turn !== this.turn) return;
    this.statistics = statistics;
    this.histograms.forEach((histogram, row) => {
      const found = statistics[row];
      if (found) histogram.show(found, this.range(row));
      else histogram.element.hidden = true;
    });
  }

  /** The stretch of a row: given, else the server's. */
  private range(row: number): Range | null {
    const given = this.store.view.stretch;
    const ranges = given.length ? given : this.found;
    return (ranges.length === 1 ? ranges[0] : ranges[row]) ?? null;
  }

  private fill(late = false): void {
    const given = this.store.view.stretch.length > 0;
    this.inputs.forEach((ends, row) => {
      const shown = this.range(row);
      ends.forEach((input, end) => {
        input.placeholder = shown ? number(shown[end]!) : "automatic";
        // What is typed stays as it is: the next field may have the focus already, and the
        // server's answer may come while it is filled.
        if (this.typed || (late && input === document.activeElement)) return;
        input.value = given && shown ? String(shown[end]) : "";
        input.removeAttribute("aria-invalid");
      });
      const [histogram, found] = [this.histograms[row]!, this.statistics[row]];
      if (!shown || histogram.held) return;
      // Drawn anew, a handle would lose the focus.
      if (found && !histogram.element.matches(":focus-within")) histogram.show(found, shown);
      else histogram.mark(shown);
    });
  }

  private moved(row: number, moved: Range, done: boolean): void {
    const stretch = this.inputs.map((_, one) => (one === row ? moved : (this.range(one) ?? moved)));
    this.inputs[row]!.forEach((input, end) => (input.value = String(moved[end])));
    if (done) this.store.update({ stretch });
    else this.drag(stretch);
  }

  /** Take the stretch from the inputs; an empty end is what the server found. */
  private read(): void {
    const all = this.inputs.flat();
    if (all.every((one) => one.value === "")) return this.type([]);
    const stretch = this.inputs.map((ends, row) => {
      const known = this.range(row);
      return ends.map((one, end) => (one.value === "" ? (known?.[end] ?? NaN) : Number(one.value))) as Range;
    });
    const good = stretch.every(([low, high]) => Number.isFinite(low) && Number.isFinite(high) && low < high);
    for (const one of all) one.setAttribute("aria-invalid", String(!good));
    if (good) this.type(stretch);
  }

  private type(stretch: Range[]): void {
    this.typed = true;
    this.store.update({ stretch });
    this.typed = false;
  }
}

function range(low: number | null | undefined, high: number | null | undefined): Range | null {
  if (typeof low !== "number" || typeof high !== "number" || !(low < high)) return null;
  return [rounded(low, high - low), rounded(high, high - low)];
}
