/** Which values with colours of their own are shown. */

import type { Category, LayerInfo } from "./api";
import type { Look } from "./state";

/** Return the categories that a look shows in their own colours; null: it shows no categories. */
export function categoriesOf(info: LayerInfo | null, look: Look): Category[] | null {
  if (!info || look.mode !== "band" || (look.colormap && !look.colormap.startsWith("{"))) return null;
  const variable = info.variables.find(({ name }) => name === look.bands[0]);
  return variable?.categories?.length ? variable.categories : null;
}

/** Return the values that are shown. */
export function shownValues(categories: Category[], look: Look): Set<number> {
  if (!look.colormap) return new Set(categories.map(({ value }) => value));
  try {
    return new Set(Object.keys(JSON.parse(look.colormap) as object).map(Number));
  } catch {
    return new Set();
  }
}

/** Return the colour map that shows some categories alone: the server draws no other values. */
export function colormapOf(categories: Category[], shown: ReadonlySet<number>): string {
  const kept = categories.filter(({ value }) => shown.has(value));
  if (kept.length === categories.length) return "";
  return JSON.stringify(Object.fromEntries(kept.map(({ value, color }) => [String(value), color])));
}
