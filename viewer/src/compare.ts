/** Two looks side by side: a kept one stands to the right of a border that is swiped. */

import { getRenderPixel } from "ol/render";
import type RenderEvent from "ol/render/Event";
import type { LayerSummary } from "./api";
import { h, refill } from "./dom";
import { moment } from "./format";
import type { TileMap } from "./map";
import { lookOf, type Look, type Store } from "./state";

const STEP = 0.02;
// The name of a side that differs in its colours alone, and whose colours have no name.
const AUTOMATIC = "automatic colours";

export class Compare {
  private readonly names = [h("span", { className: "left" }), h("span", { className: "right" })] as const;
  private readonly border = h(
    "div",
    { id: "border", tabIndex: 0, role: "slider", hidden: true, aria: { label: "Border between two views" } },
    this.names[0],
    h("b", {}, "⇔"),
    this.names[1],
  );

  constructor(
    private readonly target: HTMLElement,
    private readonly tiles: TileMap,
    private readonly layers: LayerSummary[],
    private readonly store: Store,
    private readonly exchange: () => void,
  ) {
    tiles.map.getTargetElement()!.after(this.border);
    for (const [layer, right] of [[tiles.tiles, false], [tiles.beside, true]] as const) {
      layer.on("prerender", (event) => this.clip(event, right));
      layer.on("postrender", ({ context }) => {
        if (this.store.view.beside) (context as CanvasRenderingContext2D).restore();
      });
    }
    this.drag();
    store.subscribe((view, changed) => {
      if (changed.has("border")) this.place();
      if (changed.has("beside")) this.show();
      else if (view.beside) this.name();
    });
    this.show();
  }

  private show(): void {
    const { beside } = this.store.view;
    const bounds = this.layers.find(({ name }) => name === beside?.layer)?.bounds_wgs84 ?? null;
    this.tiles.showBeside(beside, bounds);
    this.border.hidden = !beside || !bounds;
    this.place();
    this.name();
    refill(this.target, ...(this.border.hidden ? this.start() : this.choices(beside!)));
  }

  private start(): HTMLElement[] {
    const keep = h("button", { type: "button", id: "compare-keep", className: "small" }, "Keep this view on the right");
    keep.onclick = () => this.store.update({ beside: lookOf(this.store.view) });
    const note = "Then choose another date, style or layer: it stands on the left.";
    return [keep, h("p", { className: "note" }, note)];
  }

  private choices(beside: Look): HTMLElement[] {
    const swap = h("button", { type: "button", id: "compare-swap", className: "small" }, "Swap sides");
    const stop = h("button", { type: "button", id: "compare-stop", className: "small" }, "Stop comparing");
    swap.onclick = () => this.exchange();
    stop.onclick = () => this.store.update({ beside: null });
    const kept = this.parts(beside).filter(Boolean).join(" · ");
    return [h("p", {}, h("small", {}, "Right: "), kept), h("div", { className: "presets" }, swap, stop)];
  }

  private name(): void {
    const { view } = this.store;
    const sides = [this.parts(view), this.parts(view.beside ?? view)] as const;
    // What is the same on both sides needs no name.
    const differs = sides[0].map((part, at) => part !== sides[1][at]);
    const told = (parts: string[]): string[] => (differs.includes(true) ? parts.filter((_, at) => differs[at]) : parts);
    sides.forEach((parts, side) => (this.names[side]!.textContent = told(parts).filter(Boolean).join(" · ") || AUTOMATIC));
  }

  /** What a side shows: layer, date, bands, colours. */
  private parts(look: Look): string[] {
    const known = this.layers.find(({ name }) => name === look.layer);
    const what = look.mode === "expression" ? look.expression : look.bands.join(", ");
    const colours = look.colormap.startsWith("{") ? "" : look.colormap;
    return [known?.title || look.layer || "", look.time ? moment(look.time) : "", what, colours];
  }

  private place(): void {
    const { border } = this.store.view;
    this.border.style.left = `${100 * border}%`;
    this.border.setAttribute("aria-valuenow", String(Math.round(100 * border)));
    this.border.setAttribute("aria-valuetext", `${Math.round(100 * border)} %`);
    this.tiles.ask();
  }

  private move(border: number): void {
    this.store.update({ border: Math.min(0.98, Math.max(0.02, border)) });
  }

  private drag(): void {
    const { border } = this;
    border.onpointerdown = (event) => border.setPointerCapture(event.pointerId);
    border.onpointermove = (event) => {
      if (border.hasPointerCapture(event.pointerId)) this.move(event.clientX / window.innerWidth);
    };
    border.onkeydown = (event) => {
      const by = { ArrowLeft: -STEP, ArrowRight: STEP, PageUp: -5 * STEP, PageDown: 5 * STEP }[event.key];
      if (!by) return;
      event.preventDefault();
      this.move(this.store.view.border + by);
    };
  }

  /** Draw a layer on its side of the border alone. */
  private clip(event: RenderEvent, right: boolean): void {
    if (!this.store.view.beside) return;
    const context = event.context as CanvasRenderingContext2D;
    const [width, height] = this.tiles.map.getSize() ?? [0, 0];
    const at = width! * this.store.view.border;
    const [from, to] = right ? [at, width!] : [0, at];
    const corners = [[from, 0], [to, 0], [to, height!], [from, height!]] as [number, number][];
    context.save();
    context.beginPath();
    for (const corner of corners) context.lineTo(...(getRenderPixel(event, corner) as [number, number]));
    context.closePath();
    context.clip();
  }
}
