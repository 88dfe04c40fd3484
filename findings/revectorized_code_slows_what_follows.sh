#!/usr/bin/env bash
# V8's --wasm-revectorize (Chromium; --experimental-wasm-revectorize in Node) joins pairs of 128-bit operations of WebAssembly into
# 256-bit ones, and who measures a kernel finds it twice as fast. What no documentation says: that code leaves the upper halves of
# the processor's registers in use. V8's built-in functions and the browser's C++ are compiled with SSE instructions, each of which
# is slowed down in that state, and nothing ends it: from the first call of such a kernel on, Float64Array.prototype.some with a
# callback takes ten to twenty times as long in that thread, while optimised loops do not. So a profile shows slow JavaScript
# (callbacks, Atomics, arrays that are made), far from the kernel. Without the flag nothing of this shows.
#
# In Chromium a search in an array of small integers mends it: V8 has a variant of it compiled for AVX2, and such a function ends
# with vzeroupper. In Node 24 it does not.
#
# Seen: Node 24.21.0 4 → 90 ms, Chromium 156.0.8078.108 7 → 80 ms. Exits with 0 while this is so. Needs x86-64 with AVX2, npm,
# node and a Chromium; installs three packages in a new folder.
set -euo pipefail
grep -q avx2 /proc/cpuinfo || { echo 'needs x86-64 with AVX2'; exit 2; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node@24.21.0 wabt@1.0.37 playwright-core@1.65.0 >/dev/null
cat >add.wat <<'WAT'
(module
  (memory (export "memory") 1)
  (func (export "add") (param $at i32) (param $end i32) (local $x v128) (local $y v128)
    (loop $next
      (local.set $x (f32x4.add (v128.load (local.get $at)) (v128.load offset=1024 (local.get $at))))
      (local.set $y (f32x4.add (v128.load offset=16 (local.get $at)) (v128.load offset=1040 (local.get $at))))
      (v128.store (local.get $at) (local.get $x))
      (v128.store offset=16 (local.get $at) (local.get $y))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $end))))))
WAT
cat >measure.js <<'JS'
// Milliseconds of one `some` before a kernel, behind it, and behind a search: medians of eleven.
async function measure(bytes) {
  const { add } = (await WebAssembly.instantiate(bytes)).instance.exports;
  const values = Float64Array.from({ length: 400_000 }, (_, i) => i / 10);
  const integers = Array.from({ length: 64 }, (_, i) => i);
  let found = -1;
  const some = () => {
    const begun = performance.now();
    values.some((value) => !(Math.abs(value) < 1e9));
    return performance.now() - begun;
  };
  const median = (list) => list.sort((a, b) => a - b)[5];
  const times = (before) => median(Array.from({ length: 11 }, () => { before(); return some(); }));
  const first = times(() => {});
  // Until the kernel is compiled well.
  for (let i = 0; i < 300_000; i++) add(0, 1024);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const behind = times(() => add(0, 1024));
  const searched = times(() => { add(0, 1024); found = integers.indexOf(found); });
  return { first, behind, searched };
}
JS
cat >compile.cjs <<'JS'
require('wabt')().then(({ parseWat }) => {
  const { buffer } = parseWat('add.wat', require('fs').readFileSync('add.wat', 'utf8')).toBinary({});
  require('fs').writeFileSync('add.wasm', buffer);
});
JS
node compile.cjs
cat measure.js - >in_node.mjs <<'JS'
import fs from 'node:fs';
console.log(JSON.stringify({ version: process.version, ...(await measure(fs.readFileSync('add.wasm'))) }));
JS
cat >try.mjs <<'JS'
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { chromium } from 'playwright-core';

const inNode = (...flags) => JSON.parse(execFileSync('node_modules/.bin/node', [...flags, 'in_node.mjs'], { encoding: 'utf8' }));
async function inChromium(...args) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', ...args] });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: fs.readFileSync('measure.js', 'utf8') });
    const bytes = [...fs.readFileSync('add.wasm')];
    const found = await page.evaluate((all) => measure(new Uint8Array(all)), bytes);
    return { version: browser.version(), ...found };
  } finally {
    await browser.close();
  }
}
const runs = {
  'Node, plain': inNode(),
  'Node, joined': inNode('--experimental-wasm-revectorize'),
  'Chromium, plain': await inChromium(),
  'Chromium, joined': await inChromium('--js-flags=--wasm-revectorize'),
};
for (const [name, { version, first, behind, searched }] of Object.entries(runs)) {
  const [a, b, c] = [first, behind, searched].map((ms) => ms.toFixed(1));
  console.log(`${name} (${version}): ${a} ms before a kernel, ${b} behind it, ${c} behind a search`);
}
const slowed = ({ first, behind }) => behind > 5 * first;
const isSo =
  !slowed(runs['Node, plain']) && slowed(runs['Node, joined']) &&
  !slowed(runs['Chromium, plain']) && slowed(runs['Chromium, joined']) &&
  runs['Chromium, joined'].searched < runs['Chromium, joined'].behind / 4 &&
  runs['Node, joined'].searched > runs['Node, joined'].behind / 4;
console.log(isSo ? 'as described' : 'this has changed');
process.exit(isSo ? 0 : 1);
JS
node try.mjs
