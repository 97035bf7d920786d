/** Statistics of what is shown, asked once for each band and date. */

import { ask, layerPath, type BandStatistics, type Statistics } from "./api";
import type { Look } from "./state";

const PERCENTILES = [1, 2, 98, 99];
const BINS = 48;
// A coarse level has the same shape of values, and is read at once.
const MAX_SIZE = 256;

const known = new Map<string, Promise<BandStatistics[]>>();

/** Return the statistics of each band, or of the expression, on the date that is shown. */
export function statisticsOf(look: Look): Promise<BandStatistics[]> {
  const query = new URLSearchParams({
    percentiles: PERCENTILES.join(","),
    bins: String(BINS),
    max_size: String(MAX_SIZE),
  });
  if (look.time !== null) query.set("time", look.time);
  if (look.mode === "expression") query.set("expression", look.expression);
  else query.set("bands", [...new Set(look.bands)].join(","));
  const key = `${layerPath(look.layer ?? "")}/statistics?${query}`;
  const found = known.get(key) ?? load(look, query);
  known.set(key, found);
  found.catch(() => known.delete(key));
  return found;
}

async function load(look: Look, query: URLSearchParams): Promise<BandStatistics[]> {
  const { times } = await ask<Statistics>(`${layerPath(look.layer ?? "")}/statistics`, query);
  const bands = times[0]?.bands ?? {};
  if (look.mode === "expression") return Object.values(bands);
  return look.bands.flatMap((name) => bands[name] ?? []);
}
