/** How often which value occurs, with two handles at the ends of a stretch. */

import type { BandStatistics } from "./api";
import { h } from "./dom";
import { number, rounded } from "./format";
import type { Range } from "./state";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 30;
// Steps of the arrow keys: share of the values that are shown.
const STEP = 0.01;

export class Histogram {
  readonly element = h("div", { className: "histogram", hidden: true });
  private domain: Range = [0, 1];
  private range: Range | null = null;
  private dragged = false;
  private readonly handles: [HTMLElement, HTMLElement];
  private readonly band = h("i", { className: "within" });

  constructor(
    id: string,
    label: string,
    private readonly onMove: (range: Range, done: boolean) => void,
  ) {
    this.handles = [this.handle(`${id}-low`, 0, `${label}lowest`), this.handle(`${id}-high`, 1, `${label}highest`)];
  }

  show(found: BandStatistics, range: Range | null): void {
    const { histogram, min, max } = found;
    this.element.hidden = !histogram || min === null || max === null || !(min < max);
    if (this.element.hidden) return;
    this.domain = [Math.min(min!, range?.[0] ?? min!), Math.max(max!, range?.[1] ?? max!)];
    this.element.replaceChildren(this.bars(histogram!), this.band, ...this.handles);
    this.mark(range ?? [min!, max!]);
  }

  /** Whether a handle is being dragged: it alone decides then. */
  get held(): boolean {
    return this.dragged;
  }

  /** Move the handles to a stretch. */
  mark(range: Range): void {
    this.range = range;
    const [low, high] = range.map((value) => 100 * Math.min(1, Math.max(0, this.share(value))));
    this.band.style.left = `${low}%`;
    this.band.style.right = `${100 - high!}%`;
    this.handles.forEach((handle, end) => {
      handle.style.left = `${end ? high : low}%`;
      handle.setAttribute("aria-valuenow", String(range[end]));
      handle.setAttribute("aria-valuetext", number(range[end]!));
      handle.setAttribute("aria-valuemin", String(this.domain[0]));
      handle.setAttribute("aria-valuemax", String(this.domain[1]));
    });
  }

  private share(value: number): number {
    return (value - this.domain[0]) / (this.domain[1] - this.domain[0]);
  }

  private bars({ edges, counts }: { edges: number[]; counts: number[] }): SVGElement {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 1 ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    // Roots: a few clouds among much land are still seen.
    const most = Math.sqrt(Math.max(...counts, 1));
    const path = counts.map((count, bin) => {
      const [left, right] = [this.share(edges[bin]!), this.share(edges[bin + 1]!)];
      const top = HEIGHT * (1 - Math.sqrt(count) / most);
      return `M${left},${HEIGHT}V${top.toFixed(2)}H${right}V${HEIGHT}Z`;
    });
    svg.innerHTML = `<path d="${path.join("")}" />`;
    return svg;
  }

  private handle(id: string, end: 0 | 1, label: string): HTMLElement {
    const handle = h("b", { id, tabIndex: 0, role: "slider", aria: { label: `${label} value` } });
    handle.onpointerdown = (event) => {
      event.preventDefault();
      handle.focus();
      this.dragged = true;
      handle.setPointerCapture(event.pointerId);
    };
    handle.onpointermove = (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const box = this.element.getBoundingClientRect();
      this.move(end, (event.clientX - box.left) / box.width, false);
    };
    handle.onlostpointercapture = () => {
      this.dragged = false;
      if (this.range) this.onMove(this.range, true);
    };
    handle.onkeydown = (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
      if (!by || !this.range) return;
      event.preventDefault();
      this.move(end, this.share(this.range[end]) + by * STEP, true);
    };
    return handle;
  }

  private move(end: 0 | 1, share: number, done: boolean): void {
    if (!this.range) return;
    const [low, high] = this.domain;
    const value = rounded(low + Math.min(1, Math.max(0, share)) * (high - low), high - low);
    const range: Range = end ? [this.range[0], value] : [value, this.range[1]];
    if (range[0] >= range[1]) return;
    this.mark(range);
    this.onMove(range, done);
  }
}
