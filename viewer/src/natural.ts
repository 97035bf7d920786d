/** Bands that together look as the eye would see the place. */

import { ask, layerPath, type LayerInfo, type Legend } from "./api";
import type { Range } from "./state";

const KNOWN = [
  ["red", "green", "blue"],
  ["B04", "B03", "B02"],
  ["B4", "B3", "B2"],
];

/** Return the bands of red, green and blue light, where a layer has all three. */
export function naturalColours(info: LayerInfo): string[] | null {
  const names = new Set(info.variables.map((variable) => variable.name));
  return KNOWN.find((bands) => bands.every((band) => names.has(band))) ?? null;
}

// White, in medians. Clouds and snow are so bright that between percentiles land would be black.
const WHITE = 3.5;

/** Return one stretch for all three bands, so that greys stay grey. */
export async function brightness(layer: string, bands: string[]): Promise<Range[]> {
  const between = async (stretch: string): Promise<Range[]> => {
    const query = new URLSearchParams({ bands: bands.join(","), stretch });
    return (await ask<Legend>(`${layerPath(layer)}/legend.json`, query)).stretch;
  };
  const [ends, middles] = await Promise.all([between("p2,p98"), between("p50,p51")]);
  const high = Math.max(...ends.map((range) => range[1]));
  const median = Math.max(...middles.map((range) => range[0]));
  const low = Math.min(0, ...ends.map((range) => range[0]));
  const white = median > 0 ? Math.min(high, WHITE * median) : high;
  return white > low ? [[low, Number(white.toPrecision(2))]] : [];
}
