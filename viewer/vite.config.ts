import { defineConfig } from "vite";

export default defineConfig({
  // The page may be served below any path: all its addresses are relative.
  base: "./",
  build: {
    outDir: "../xcube_tiles/server/static",
    emptyOutDir: true,
    // The decoders of Zarr, which are loaded when they are wanted, are WebAssembly in text.
    chunkSizeWarningLimit: 800,
    // The bundle carries code of others: their licences go with it.
    license: { fileName: "licenses.md" },
  },
  server: {
    // `npm run dev` beside `xcube-tiles serve`.
    proxy: Object.fromEntries(
      ["/layers", "/colormaps", "/health"].map((path) => [path, "http://127.0.0.1:8000"]),
    ),
  },
});
