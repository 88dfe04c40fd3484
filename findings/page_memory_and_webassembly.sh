#!/usr/bin/env bash
# What Chromium's performance.measureUserAgentSpecificMemory() tells of WebAssembly memory, without Whittle. Its specification
# says "an estimate of the memory usage of the page and its iframes and workers".
#
# - A shared WebAssembly.Memory is counted once for every Worker that has looked at its `buffer`: 256 MiB in four Workers are told
#   as 1 GiB more. A page with a thread pool (onnxruntime-web, ffmpeg, anything by Emscripten with pthreads) reads that many times what it takes.
# - A WebAssembly.Memory that is not shared is not counted at all, however large and however full.
#
# So the sum is neither an upper nor a lower bound. The breakdown has an entry for each Worker, by which threads can be left out.
# Exits with 0 while this is so. Needs npm, node and a Chromium; installs one package in a new folder.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
npm init -y >/dev/null
npm install --silent --no-audit --no-fund playwright-core@1.65.0 >/dev/null
cat >try.mjs <<'JS'
import http from 'node:http';
import { chromium } from 'playwright-core';

const MIB = 2 ** 20;
const PAGES = 4096; // of 64 KiB: 256 MiB
const THREADS = 3;
const owner = `
const threads = [];
const deeds = {
  shared() {
    self.shared = new WebAssembly.Memory({ initial: ${PAGES}, maximum: ${PAGES}, shared: true });
    new Uint8Array(shared.buffer).fill(1);
  },
  async threads() {
    for (let i = 0; i < ${THREADS}; i++) {
      const thread = new Worker('/thread.js');
      threads.push(thread);
      await new Promise((resolve) => { thread.onmessage = resolve; thread.postMessage(self.shared); });
    }
  },
  plain() {
    self.plain = new WebAssembly.Memory({ initial: ${PAGES} });
    new Uint8Array(plain.buffer).fill(1);
  },
  array() { self.array = new Uint8Array(${PAGES} * 65536).fill(1); },
};
onmessage = async ({ data }) => { await deeds[data](); postMessage(data); };`;
const thread = 'onmessage = ({ data }) => { self.memory = data; self.buffer = data.buffer; postMessage(0); };';
const files = { '/owner.js': owner, '/thread.js': thread };
const server = http.createServer(({ url }, response) => {
  response.setHeader('content-type', files[url] ? 'text/javascript' : 'text/html');
  response.setHeader('cross-origin-opener-policy', 'same-origin');
  response.setHeader('cross-origin-embedder-policy', 'require-corp');
  response.end(files[url] ?? '<!doctype html>');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  // Answers at once in place of after some 20 s; the figures are the same.
  args: ['--no-sandbox', '--enable-blink-features=ForceEagerMeasureMemory'],
});
console.log('Chromium', browser.version());
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${server.address().port}/`);
const told = await page.evaluate(async () => {
  const worker = new Worker('/owner.js');
  const found = {};
  let before = (await performance.measureUserAgentSpecificMemory()).bytes;
  for (const deed of ['shared', 'threads', 'plain', 'array']) {
    await new Promise((resolve) => {
      worker.onmessage = resolve;
      worker.postMessage(deed);
    });
    const { bytes } = await performance.measureUserAgentSpecificMemory();
    found[deed] = bytes - before;
    before = bytes;
  }
  return found;
});
await browser.close();
server.close();
const mib = Object.fromEntries(Object.entries(told).map(([deed, bytes]) => [deed, Math.round(bytes / MIB)]));
console.log(`256 MiB each, and what is told more (MiB): ${JSON.stringify(mib)}`);

const about = (value, expected) => Math.abs(value - expected) < 16;
const checks = {
  'shared memory is counted in the Worker that made it': about(mib.shared, 256),
  [`and once more in each of ${THREADS} Workers that it was sent to`]: about(mib.threads, THREADS * 256),
  'memory that is not shared is not counted': about(mib.plain, 0),
  'an array of as many bytes is': about(mib.array, 256),
};
for (const [name, holds] of Object.entries(checks)) console.log(holds ? 'still so:' : 'CHANGED: ', name);
process.exit(Object.values(checks).every(Boolean) ? 0 : 1);
JS
node try.mjs
