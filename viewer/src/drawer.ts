/** The panel on narrow screens: a drawer that comes up from the bottom. */

import { byId } from "./dom";

export const NARROW = window.matchMedia("(width <= 720px)");

export function drawer(): void {
  const button = byId("fold");
  const fold = (folded: boolean): void => {
    document.body.classList.toggle("folded", folded);
    button.setAttribute("aria-expanded", String(!folded));
    button.textContent = folded ? "Layers" : "Close";
  };
  button.onclick = () => fold(!document.body.classList.contains("folded"));
  window.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !NARROW.matches || document.body.classList.contains("folded")) return;
    fold(true);
    button.focus();
  });
  // A touch of the map means the map.
  byId("map").addEventListener("pointerdown", () => NARROW.matches && fold(true));
  NARROW.addEventListener("change", () => fold(NARROW.matches));
  fold(NARROW.matches);
}
