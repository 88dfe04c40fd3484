#!/usr/bin/env bash
# In Chromium the promise of FileSystemFileHandle.createSyncAccessHandle() is never settled when the garbage collector takes the file's
# handle before the answer comes. `const file = await folder.getFileHandle(…)` in a function that returns `file.createSyncAccessHandle()`,
# or the same in one chain, holds the handle no longer: a Worker that allocates much then waits for ever, now and then, without an
# error. One expects of a method that answers with a promise that it keeps what it was called on, as getFile, createWritable,
# getFileHandle, getDirectoryHandle, removeEntry and keys of the same interfaces do. A reference that lives until the answer is enough.
# Prints the version, and of each method how many of ten answers came with a collection meanwhile. Exits 0 while it is so, 1 when it changes.
# Takes CHROMIUM, or `chromium` from the path.
set -euo pipefail
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . playwright-core@1.65.0
cat > worker.js <<'JS'
const ROUNDS = 10;

/** Whether a promise is settled within a while, all garbage being collected in the next task. */
function isAnswered(promise) {
  setTimeout(() => {
    for (let i = 0; i < 3; i++) gc();
  });
  const late = new Promise((resolve) => setTimeout(() => resolve(false), 1000));
  return Promise.race([promise.then((handle) => (handle?.close?.(), true)), late]);
}

onmessage = async () => {
  const root = await navigator.storage.getDirectory();
  const made = await root.getDirectoryHandle('folder', { create: true });
  await made.getFileHandle('inner', { create: true });
  const file = (name) => root.getFileHandle(name, { create: true });
  const dir = () => root.getDirectoryHandle('folder');
  const kept = [];
  // Each gives the promise in an array, so that nothing but the browser waits for it.
  const calls = {
    createSyncAccessHandle: (i) => file(`a${i}`).then((handle) => [handle.createSyncAccessHandle()]),
    'createSyncAccessHandle, handle kept': (i) =>
      file(`b${i}`).then((handle) => (kept.push(handle), [handle.createSyncAccessHandle()])),
    createWritable: (i) => file(`c${i}`).then((handle) => [handle.createWritable()]),
    getFile: (i) => file(`d${i}`).then((handle) => [handle.getFile()]),
    getFileHandle: () => dir().then((handle) => [handle.getFileHandle('inner')]),
    getDirectoryHandle: () => dir().then((handle) => [handle.getDirectoryHandle('deeper', { create: true })]),
    keys: () => dir().then((handle) => [handle.keys().next()]),
  };
  const answers = {};
  for (const [name, call] of Object.entries(calls)) {
    answers[name] = 0;
    for (let i = 0; i < ROUNDS; i++) {
      const [promise] = await call(i);
      if (await isAnswered(promise)) answers[name] += 1;
    }
  }
  postMessage(answers);
};
JS
cat > run.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
const worker = readFileSync('worker.js');
const server = createServer(({ url }, response) => {
  response.setHeader('content-type', url === '/worker.js' ? 'text/javascript' : 'text/html');
  response.end(url === '/worker.js' ? worker : '<!doctype html>');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
// gc() only makes certain and quick what happens by itself otherwise.
const browser = await chromium.launch({ executablePath: process.argv[2], args: ['--no-sandbox', '--js-flags=--expose-gc'] });
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${server.address().port}/`);
const answers = await page.evaluate(
  () =>
    new Promise((resolve, reject) => {
      const worker = new Worker('worker.js');
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage('');
    }),
);
console.log(`Chromium ${browser.version()}: answers that came, of ten, with garbage collected meanwhile`);
console.log(answers);
await browser.close();
server.close();
const { createSyncAccessHandle, ...others } = answers;
process.exit(createSyncAccessHandle < 10 && Object.values(others).every((count) => count === 10) ? 0 : 1);
JS
node run.mjs "$chromium"
