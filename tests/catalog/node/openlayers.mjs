// What OpenLayers' GeoZarr source makes of a layer: node openlayers.mjs '{"url", "variable",
// "time", "proj4", "points"}'. Prints the levels and, for each point, the cell under it on each level.
import proj4 from 'proj4';
import {register} from 'ol/proj/proj4.js';
import GeoZarr from 'ol/source/GeoZarr.js';
import TileState from 'ol/TileState.js';

const request = JSON.parse(process.argv[2]);
for (const [code, definition] of Object.entries(request.proj4)) {
  proj4.defs(code, definition);
}
register(proj4);

const source = new GeoZarr({
  url: request.url,
  variable: request.variable,
  dimensions: request.time === null ? {} : {time: request.time},
});
await new Promise((resolve, reject) => {
  const look = () => {
    if (source.getState() === 'ready') resolve();
    else if (source.getState() === 'error') reject(source.error_);
  };
  source.on('change', look);
  look();
});

async function load(coord) {
  const tile = source.getTile(...coord, 1, source.getProjection());
  if (tile.getState() !== TileState.LOADED) {
    await new Promise((resolve, reject) => {
      tile.addEventListener('change', () => {
        if (tile.getState() === TileState.LOADED) resolve();
        if (tile.getState() === TileState.ERROR) reject(tile.error_ ?? new Error('no tile'));
      });
      tile.load();
    });
  }
  return tile.getData();
}

const grid = source.tileGrid;
const bands = source.bandCount;

async function cell(point, z) {
  const coord = grid.getTileCoordForCoordAndZ(point, z);
  const [left, , , top] = grid.getTileCoordExtent(coord);
  const resolution = grid.getResolution(z);
  const size = [grid.getTileSize(z)].flat();
  const column = Math.floor((point[0] - left) / resolution);
  const row = Math.floor((top - point[1]) / resolution);
  const data = await load(coord);
  const at = (row * size[0] + column) * bands;
  return {value: data[at], valid: data[at + bands - 1] !== 0};
}

const levels = [];
for (let z = 0; z < grid.getResolutions().length; ++z) {
  const cells = [];
  for (const point of request.points) {
    cells.push(await cell(point, z));
  }
  levels.push({
    id: grid.getMatrixId(z),
    resolution: grid.getResolution(z),
    origin: grid.getOrigin(z),
    cells,
  });
}
console.log(
  JSON.stringify({
    crs: source.getProjection().getCode(),
    extent: grid.getExtent(),
    dimensions: Object.keys(await source.getDimensions()),
    levels,
  }),
);
