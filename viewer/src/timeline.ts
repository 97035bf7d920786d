/** The time slider: one date of the layer, or one after the other. */

import { h, paused } from "./dom";
import { moment } from "./format";
import type { Store } from "./state";

const STEP_MS = 1100;
const SPEEDS = [1, 2, 4];

export class Timeline {
  private times: string[] = [];
  private timer = 0;
  private readonly slider = h("input", {
    type: "range",
    id: "time",
    min: "0",
    step: "1",
    aria: { label: "Date" },
  });
  private readonly label = h("output", { htmlFor: "time" } as never);
  private readonly play = h("button", { type: "button", className: "round", onclick: () => this.toggle() });
  private speed = 0;
  private readonly pace = h("button", {
    type: "button",
    id: "speed",
    className: "round",
    title: "Speed",
    onclick: () => this.hasten(),
  });
  private readonly ends = h("div", { className: "ends", aria: { hidden: "true" } });

  constructor(
    private readonly target: HTMLElement,
    private readonly store: Store,
    private readonly isLoading: () => boolean,
  ) {
    // Tiles are asked for where the slider rests, not for every date it passes.
    const choose = paused(90, () => this.choose(Number(this.slider.value)));
    this.slider.oninput = () => {
      this.name(Number(this.slider.value));
      choose();
    };
    const step = (by: number, text: string, label: string): HTMLElement =>
      h("button", { type: "button", className: "round", aria: { label }, onclick: () => this.step(by) }, text);
    target.append(
      this.play,
      step(-1, "‹", "Date before"),
      h("div", { className: "track" }, this.label, this.slider, this.ends),
      step(1, "›", "Date after"),
      this.pace,
    );
    this.hasten(0);
    this.stop();
    store.subscribe((_, changed) => changed.has("time") && this.sync());
  }

  /** Offer a layer's times; none or one: no slider. */
  offer(times: string[] | null): void {
    this.stop();
    this.times = times ?? [];
    this.target.hidden = this.times.length < 2;
    this.slider.max = String(Math.max(0, this.times.length - 1));
    const marks = this.times.length <= 40 ? this.times : [];
    this.ends.replaceChildren(...marks.map(() => h("i")));
    this.sync();
  }

  private sync(): void {
    const index = Math.max(0, this.times.indexOf(this.store.view.time ?? ""));
    this.slider.value = String(index);
    this.name(index);
  }

  private name(index: number): void {
    const text = moment(this.times[index] ?? "");
    this.label.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
  }

  private choose(index: number): void {
    const time = this.times[index];
    if (time !== undefined) this.store.update({ time });
  }

  private step(by: number): void {
    const count = this.times.length;
    this.choose((Number(this.slider.value) + by + count) % count);
  }

  private toggle(): void {
    if (this.timer) return this.stop();
    this.run();
    this.face("❚❚", "Stop");
  }

  private run(): void {
    window.clearInterval(this.timer);
    // A date is seen before the next comes, however slow the tiles are.
    const next = (): void => void (this.isLoading() || this.step(1));
    this.timer = window.setInterval(next, STEP_MS / SPEEDS[this.speed]!);
  }

  private hasten(speed = (this.speed + 1) % SPEEDS.length): void {
    this.speed = speed;
    this.pace.textContent = `${SPEEDS[speed]}×`;
    this.pace.setAttribute("aria-label", `Speed: ${SPEEDS[speed]} times`);
    if (this.timer) this.run();
  }

  private stop(): void {
    window.clearInterval(this.timer);
    this.timer = 0;
    this.face("►", "Play");
  }

  private face(text: string, label: string): void {
    this.play.textContent = text;
    this.play.setAttribute("aria-label", label);
  }
}
