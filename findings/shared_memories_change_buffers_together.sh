#!/usr/bin/env bash
# What happens to a shared WebAssembly.Memory when *another* one grows, without Whittle. MDN and the specification tell that a memory
# that has grown has a new `buffer`, and that the old one of a shared memory stays good.
#
# - In Node 24 (V8 13.6) growing one shared memory gives every shared memory of that thread a new `buffer`, those too that did not grow:
#   same bytes and length, another object. So `array.buffer === memory.buffer` is no test of whether an array lies in a memory, and neither
#   is a set of the buffers seen after each `grow` of one's own: another library of the thread that grows its memory makes it fail.
# - Memories that are not shared keep theirs, and in Chromium 156 all do that did not grow: what is tested in Node differs from the page.
#
# Node 24.21.0 and a Chromium from 156 on. Exits with 0 while this is so. Needs npm and node; CHROMIUM names the browser.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
npm init -y >/dev/null
npm install --silent --no-audit --no-fund playwright-core@1.65.0 node@24.21.0 >/dev/null
cat >try.mjs <<'JS'
import http from 'node:http';
import { chromium } from 'playwright-core';

const look = () => {
  const make = (shared) => new WebAssembly.Memory({ initial: 1, maximum: 10, shared });
  const [grows, other, plain] = [make(true), make(true), make(false)];
  const [otherBuffer, plainBuffer] = [other.buffer, plain.buffer];
  new Uint8Array(otherBuffer)[7] = 42;
  grows.grow(1);
  return {
    other_keeps: other.buffer === otherBuffer,
    other_length: other.buffer.byteLength,
    same_bytes: new Uint8Array(other.buffer)[7] === 42,
    plain_keeps: plain.buffer === plainBuffer,
  };
};
const headers = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp', 'content-type': 'text/html' };
const server = http.createServer((_, response) => response.writeHead(200, headers).end('<title>memories</title>')).listen(0);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] });
const page = await browser.newPage();
await page.goto(`http://localhost:${server.address().port}/`);
const seen = { [`node ${process.version}`]: look(), [`chromium ${browser.version()}`]: await page.evaluate(look) };
await browser.close();
server.close();
console.log(seen);
const isSo = ({ other_length, same_bytes, plain_keeps }) => other_length === 65536 && same_bytes && plain_keeps;
const [node, chrome] = Object.values(seen);
process.exit(isSo(node) && isSo(chrome) && !node.other_keeps && chrome.other_keeps ? 0 : 1);
JS
node_modules/.bin/node try.mjs
