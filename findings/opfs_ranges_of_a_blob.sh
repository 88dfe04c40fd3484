#!/usr/bin/env bash
# A File of the origin private file system gives a range by file.slice(from, to).arrayBuffer(), and who reads a file piece by piece does
# that. In Chromium every such range is answered by another process, so that what counts is how many there are and not how long they
# are: ranges of 64 KiB take a millisecond each, or some 60 MB/s, where a read-only access handle of the same file
# (createSyncAccessHandle({ mode: 'read-only' }), in a Worker) reads them dozens of times as fast. Nothing in the specification tells
# the one from the other, and a read-only handle, other than the usual one, locks out no other reader.
#
# Seen: Chromium 156.0.8078.114, 200 ranges of 64 KiB (medians of five): about 200 ms by the File, 1 to 3 ms by the handle. Exits with 0
# while the handle is more than ten times as fast, and two such handles are open at once. Needs npm, node and a Chromium.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
npm init -y >/dev/null
npm install --silent --no-audit --no-fund playwright-core@1.65.0 >/dev/null
cat >worker.js <<'JS'
const SIZE = 64 * 1024;
const COUNT = 200;
const median = (list) => list.sort((a, b) => a - b)[2];

async function timed(read) {
  const all = [];
  for (let round = 0; round < 5; round++) {
    const begun = performance.now();
    let sum = 0;
    for (let i = 0; i < COUNT; i++) sum += (await read(((i * 37) % COUNT) * SIZE))[5];
    if (sum !== 7 * COUNT) throw new Error(`read ${sum}`);
    all.push(performance.now() - begun);
  }
  return median(all);
}

onmessage = async () => {
  const root = await navigator.storage.getDirectory();
  const entry = await root.getFileHandle('ranges', { create: true });
  const writer = await entry.createSyncAccessHandle();
  writer.write(new Uint8Array(SIZE * COUNT).fill(7));
  writer.close();
  const file = await entry.getFile();
  const blob = await timed(async (at) => new Uint8Array(await file.slice(at, at + SIZE).arrayBuffer()));
  const [handle, other] = [await entry.createSyncAccessHandle({ mode: 'read-only' }), await entry.createSyncAccessHandle({ mode: 'read-only' })];
  const bytes = new Uint8Array(SIZE);
  const read = await timed(async (at) => (handle.read(bytes, { at }), bytes));
  other.close();
  handle.close();
  postMessage({ blob, read });
};
JS
cat >try.mjs <<'JS'
import { createServer } from 'node:http';
import fs from 'node:fs';
import { chromium } from 'playwright-core';

const server = createServer((request, response) => {
  const isScript = request.url === '/worker.js';
  response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
  response.end(isScript ? fs.readFileSync('worker.js') : '<!doctype html><title>ranges</title>');
}).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
// A private window keeps its files in memory.
const context = await chromium.launchPersistentContext('profile', { executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] });
try {
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const { blob, read } = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const worker = new Worker('worker.js');
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
        worker.postMessage(0);
      }),
  );
  console.log(`Chromium ${context.browser()?.version() ?? ''}: 200 ranges of 64 KiB: ${blob.toFixed(0)} ms by a File, ${read.toFixed(1)} ms by a read-only handle`);
  const isSo = blob > 10 * read;
  console.log(isSo ? 'as described' : 'this has changed');
  process.exitCode = isSo ? 0 : 1;
} finally {
  await context.close();
  server.close();
}
JS
node try.mjs
