#!/usr/bin/env bash
# Chromium's private file system (OPFS) when it is full, without Whittle: what a page is told, and what it has to look for.
#
# - navigator.storage.estimate() says 10 GiB left whatever there is: here with a quota of 3 MB.
# - In a normal profile write() and truncate() throw QuotaExceededError. In a private window they throw nothing: write() returns
#   the negative error number as an unsigned one (4294967288 for -8, no space), and truncate() leaves the file as it is. Code that
#   loops "until all bytes are written" believes that they are.
#
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

const MB = 1e6;
const worker = `onmessage = async () => {
  const root = await navigator.storage.getDirectory();
  const { quota, usage } = await navigator.storage.estimate();
  const handle = await (await root.getFileHandle('f.bin', { create: true })).createSyncAccessHandle();
  const attempt = (deed) => { try { return deed(); } catch (error) { return error.name; } };
  const truncated = attempt(() => handle.truncate(4e6));
  const after_truncate = handle.getSize();
  handle.truncate(0);
  const written = [0, 1, 2, 3].map((i) => attempt(() => handle.write(new Uint8Array(1e6), { at: i * 1e6 })));
  const size = handle.getSize();
  handle.close();
  await root.removeEntry('f.bin');
  postMessage({ free: quota - usage, truncated: truncated ?? 'nothing thrown', after_truncate, written, size });
};`;
const server = http.createServer((request, response) => {
  const isScript = request.url.endsWith('.js');
  response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
  response.end(isScript ? worker : '<!doctype html>');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const options = { executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] };

async function measure(context) {
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  const cdp = await context.newCDPSession(page);
  await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 3 * MB });
  return page.evaluate(
    () =>
      new Promise((resolve) => {
        const worker = new Worker('/w.js');
        worker.onmessage = ({ data }) => resolve(data);
        worker.postMessage(0);
      }),
  );
}

const browser = await chromium.launch(options);
console.log('Chromium', browser.version());
const incognito = await measure(await browser.newContext());
await browser.close();
const context = await chromium.launchPersistentContext('profile', options);
const normal = await measure(context);
await context.close();
server.close();
console.log('private window, quota 3 MB:', JSON.stringify(incognito));
console.log('normal profile, quota 3 MB:', JSON.stringify(normal));

const checks = {
  'the estimate says 10 GiB left, with a quota of 3 MB': incognito.free === 10 * 2 ** 30 && normal.free === 10 * 2 ** 30,
  'in a private window truncate says nothing and does nothing':
    incognito.truncated === 'nothing thrown' && incognito.after_truncate < 4 * MB,
  'in a private window write returns -8 as an unsigned number': incognito.written.includes(2 ** 32 - 8),
  'in a normal profile both throw QuotaExceededError':
    normal.truncated === 'QuotaExceededError' && normal.written.includes('QuotaExceededError'),
};
for (const [name, holds] of Object.entries(checks)) console.log(holds ? 'still so:' : 'CHANGED: ', name);
process.exit(Object.values(checks).every(Boolean) ? 0 : 1);
JS
node try.mjs
