/** The server's answers, and how to ask for them. */

import { counted } from "./pending";

export type Bounds = [west: number, south: number, east: number, north: number];

/** A GeoJSON polygon, in degrees. */
export interface Footprint {
  coordinates: [lon: number, lat: number][][];
}

export interface Link {
  rel: string;
  href: string;
}

export interface LayerSummary {
  name: string;
  title: string | null;
  variables: string[];
  times: { count: number; first: string; last: string } | null;
  bounds_wgs84: Bounds;
  footprint: Footprint;
  crs: string;
  levels: number;
}

export interface LayerList {
  layers: LayerSummary[];
  unreadable: { name: string; detail: string }[];
}

export interface Category {
  value: number;
  label: string;
  color: string;
}

export interface Variable {
  name: string;
  dtype: string;
  nodata: number | string | null;
  min: number | null;
  max: number | null;
  units: string | null;
  categories?: Category[] | null;
}

export interface LayerInfo {
  name: string;
  title: string | null;
  crs: string;
  bounds_wgs84: Bounds;
  footprint: Footprint;
  levels: { level: number; shape: number[]; resolution: number[] | number }[];
  variables: Variable[];
  times: string[] | null;
  links: Link[];
  default_style: {
    bands: string[];
    stretch: [number, number][];
    colormap: string | null;
  };
}

export interface Legend {
  colormap: string | null;
  stretch: [number, number][];
  colors: string[];
  categories: Category[];
  units: string | null;
}

export interface PointValues {
  time: string | null;
  values: Record<string, number | null>;
}

export interface SeriesValues {
  times: string[];
  values: Record<string, (number | null)[]>;
}

export interface BandStatistics {
  count: number;
  min: number | null;
  max: number | null;
  percentiles: Record<string, number | null>;
  histogram: { edges: number[]; counts: number[] } | null;
}

export interface Statistics {
  times: { time: string | null; bands: Record<string, BandStatistics> }[];
}

/** The server refused; `message` is its own text. */
export class ApiError extends Error {}

// Where layers need a key, the page is opened with it, and hands it on.
const KEY = new URLSearchParams(location.search).get("key");

// The page is served at the root of the API, which may itself lie below a proxy's path.
export function address(path: string, query?: URLSearchParams): string {
  const url = new URL(path, document.baseURI);
  url.search = query?.toString() ?? "";
  if (KEY) url.searchParams.set("key", KEY);
  url.hash = "";
  return url.href;
}

export function ask<T>(path: string, query?: URLSearchParams, signal?: AbortSignal): Promise<T> {
  return counted(answer(path, query, signal));
}

async function answer<T>(path: string, query?: URLSearchParams, signal?: AbortSignal): Promise<T> {
  const response = await fetch(address(path, query), { signal });
  if (!response.ok) throw new ApiError(await reason(response));
  return (await response.json()) as T;
}

async function reason(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    if (typeof detail === "string") return detail;
    if (Array.isArray(detail)) return detail.map((one: { msg?: string }) => one.msg).join("; ");
  } catch {
    // Not JSON: a proxy's page, say.
  }
  return `${response.status} ${response.statusText}`;
}

export const layerPath = (name: string): string =>
  `layers/${name.split("/").map(encodeURIComponent).join("/")}`;
