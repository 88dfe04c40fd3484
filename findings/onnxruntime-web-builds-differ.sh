#!/bin/sh
# onnxruntime-web ships several WebAssembly builds behind its entry points. They are one version, but their CPU providers do
# not have the same operators: `onnxruntime-web/wasm` runs com.microsoft.GatherBlockQuantized, `onnxruntime-web/webgpu` (what
# transformers.js imports) with the same provider "wasm" refuses the same bytes. A file checked in one is not checked in the other.
# Exits non-zero when that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund onnxruntime-web@1.31.0-dev.20260914-8d85527a0 >/dev/null 2>&1
cat >probe.mjs <<'JS'
// A table of 4 rows of 32 8-bit codes, one scale a row: ids (n) -> rows (n, 32). ModelProto written by hand (onnx.proto).
const utf8 = new TextEncoder();
const varint = (n) => (n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))]);
const int = (field, n) => [...varint(field * 8), ...varint(n)];
const bytes = (field, content) => [...varint(field * 8 + 2), ...varint(content.length), ...content];
const text = (field, string) => bytes(field, [...utf8.encode(string)]);
const attribute = (name, n) => bytes(5, [...text(1, name), ...int(3, n), ...int(20, 2)]);
const tensor = (name, type, dims, raw) =>
  bytes(5, [...dims.flatMap((d) => int(1, d)), ...int(2, type), ...text(8, name), ...bytes(9, raw)]);
const value = (field, name, type, dims) =>
  bytes(field, [...text(1, name), ...bytes(2, bytes(1, [...int(1, type), ...bytes(2, dims.flatMap((d) => bytes(1, typeof d === 'string' ? text(2, d) : int(1, d))))]))]);
const codes = Array.from({ length: 128 }, (_, i) => 128 + (i % 7) - 3);
const scales = new Uint8Array(Float32Array.of(0.5, 1, 2, 4).buffer);
const node = [
  ...['codes', 'ids', 'scales'].flatMap((name) => text(1, name)), ...text(2, 'rows'), ...text(4, 'GatherBlockQuantized'),
  ...text(7, 'com.microsoft'), ...attribute('bits', 8), ...attribute('block_size', 32), ...attribute('gather_axis', 0),
  ...attribute('quantize_axis', 1),
];
const graph = [
  ...bytes(1, node), ...text(2, 'g'), ...tensor('codes', 2, [4, 32], codes), ...tensor('scales', 1, [4, 1], [...scales]),
  ...value(11, 'ids', 7, ['n']), ...value(12, 'rows', 1, ['n', 32]),
];
const opset = (domain, version) => bytes(8, [...text(1, domain), ...int(2, version)]);
const model = Uint8Array.from([...int(1, 8), ...opset('', 18), ...opset('com.microsoft', 1), ...bytes(7, graph)]);

async function tryIn(entry) {
  const ort = await import(`onnxruntime-web/${entry}`);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'fatal';
  try {
    const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] });
    const { rows } = await session.run({ ids: new ort.Tensor('int64', BigInt64Array.of(2n), [1]) });
    return `runs: row 2 begins with ${[...rows.data.slice(0, 4)]}`;
  } catch (error) {
    return `refuses: ${String(error.message).slice(0, 160)}`;
  }
}
const found = { wasm: await tryIn('wasm'), webgpu: await tryIn('webgpu') };
const { env } = await import('onnxruntime-web/wasm');
console.log(`Node ${process.versions.node}, onnxruntime-web ${env.versions.web}, provider "wasm" in both`);
for (const [entry, outcome] of Object.entries(found)) console.log(`onnxruntime-web/${entry}: ${outcome}`);
process.exit(found.wasm.startsWith('runs: row 2 begins with -4,-2,0,2') && /GatherBlockQuantized/.test(found.webgpu) ? 0 : 1);
JS
node probe.mjs
