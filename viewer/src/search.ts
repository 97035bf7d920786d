/** Which layers a text means: words, and keys with a value such as `time:2024-07`. */

import type { LayerSummary } from "./api";

const KEYS: Record<string, (layer: LayerSummary, text: string) => boolean> = {
  name: (layer, text) => named(layer).includes(text),
  variable: (layer, text) => layer.variables.some((name) => name.toLowerCase().includes(text)),
  time: (layer, text) => during(layer, text),
  crs: (layer, text) => layer.crs.toLowerCase().includes(text),
};
const ALIASES: Record<string, string> = { band: "variable", date: "time", layer: "name" };

export const HINT = "Words of names, or variable:nir, time:2024-07, crs:32633";

/** Return whether a layer has every word of a text; an empty text means all layers. */
export function matches(layer: LayerSummary, text: string): boolean {
  return text.toLowerCase().split(/\s+/).filter(Boolean).every((word) => has(layer, word));
}

function has(layer: LayerSummary, word: string): boolean {
  const [, name, value] = /^([a-z]+)[:=](.*)$/.exec(word) ?? [];
  const key = KEYS[ALIASES[name ?? ""] ?? name ?? ""];
  if (key) return key(layer, value ?? "");
  return Object.values(KEYS).some((one) => one(layer, word));
}

const named = (layer: LayerSummary): string => `${layer.name} ${layer.title ?? ""}`.toLowerCase();

/** Whether a layer's dates reach into a year, a month or a day. */
function during({ times }: LayerSummary, text: string): boolean {
  if (!times || !/^\d{4}(-\d{2}(-\d{2})?)?$/.test(text)) return false;
  return times.first.slice(0, text.length) <= text && text <= times.last.slice(0, text.length);
}
