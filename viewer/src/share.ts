/** Addresses of what is shown, for other programs. */

import { address, layerPath } from "./api";
import { h } from "./dom";
import { styleQuery, toHash, type Look, type Store, type View } from "./state";

type Row = [id: string, text: string, hint: string, of: (view: View) => string];

const ROWS: Row[] = [
  ["page", "This view", "Opens this page as it is", page],
  ["xyz", "XYZ tiles", "QGIS: Layer, Add Layer, Add XYZ Layer", tiles],
  ["tilejson", "TileJSON", "MapLibre, Leaflet, deck.gl", tilejson],
  ["wmts", "WMTS", "QGIS, ArcGIS: all layers", () => address("wmts/1.0.0/WMTSCapabilities.xml")],
  ["wms", "WMS", "QGIS, ArcGIS: all layers", () => address("wms", services("WMS"))],
];

export function share(target: HTMLElement, store: Store): void {
  target.replaceChildren(...ROWS.map((row) => line(row, store)));
}

function line([id, text, hint, of]: Row, store: Store): HTMLElement {
  const button = h("button", { type: "button", id: `copy-${id}`, className: "small" }, "Copy");
  button.setAttribute("aria-label", `Copy the address: ${text}`);
  button.onclick = async () => {
    await copy(of(store.view), target);
    button.textContent = "Copied";
    window.setTimeout(() => (button.textContent = "Copy"), 1600);
  };
  const target = h("div", { className: "share" }, h("span", {}, text, h("small", {}, hint)), button);
  return target;
}

/** The address of tiles, with braces for a program to fill in. */
export function tiles(look: Look, query = styleQuery(look)): string {
  const whole = address(`${layerPath(look.layer ?? "")}/tiles/WebMercatorQuad/{z}/{x}/{y}.png`, query);
  return whole.replace("%7Bz%7D/%7Bx%7D/%7By%7D", "{z}/{x}/{y}");
}

// The address bar follows changes with a short delay.
function page(view: View): string {
  return `${location.href.replace(/#.*/, "")}#${toHash(view)}`;
}

function tilejson(look: Look): string {
  return address(`${layerPath(look.layer ?? "")}/tilejson.json`, styleQuery(look));
}

function services(service: string): URLSearchParams {
  return new URLSearchParams({ SERVICE: service, REQUEST: "GetCapabilities" });
}

/** Copy a text; pages that don't come by HTTPS may only copy what is selected. */
async function copy(text: string, beside: HTMLElement): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const box = h("textarea", { value: text });
  beside.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
}
