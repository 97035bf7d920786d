// What the store of @carbonplan/zarr-layer makes of a layer: node zarrlayer.mjs '{"url", "variable",
// "time", "proj4", "cells"}'. The package exports its layer alone, which needs a map; the store is
// taken from a copy of the module that exports it, too.
import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';

const request = JSON.parse(process.argv[2]);
console.warn = () => {}; // it advises to spare it reading coordinates

const entry = join(process.cwd(), 'node_modules/@carbonplan/zarr-layer/dist/index.js');
const copy = join(dirname(entry), `store-${process.pid}.js`);
writeFileSync(copy, `${readFileSync(entry, 'utf8')}\nexport {ZarrStore};\nexport {get} from 'zarrita';\n`);
const {ZarrStore, get} = await import(copy);
rmSync(copy);

const store = new ZarrStore({
  source: request.url,
  version: 3,
  variable: request.variable,
  proj4: request.proj4,
});
await store.initialized;

const levels = [];
for (const asset of store.levels) {
  const array = await store.getLevelArray(asset);
  const lead = array.shape.length > 2 ? [request.time] : [];
  const plane = await get(array, [...lead, null, null]);
  const cells = request.cells[levels.length].map(([row, column]) => {
    const value = plane.data[row * plane.stride[0] + column * plane.stride[1]];
    return Number.isNaN(value) ? 'NaN' : value;
  });
  const {shape, fillValue, dtype} = await store.getUntiledLevelMetadata(asset);
  levels.push({asset, shape, fill: Number.isNaN(fillValue) ? 'NaN' : fillValue, dtype, cells});
}
const {xyLimits, dimensions, latIsAscending, multiscaleType} = store.describe();
console.log(JSON.stringify({xyLimits, dimensions, latIsAscending, multiscaleType, levels}));
