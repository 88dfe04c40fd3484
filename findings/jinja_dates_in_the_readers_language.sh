#!/usr/bin/env bash
# @huggingface/jinja, which renders chat templates for transformers.js and many pages, tells strftime_now's months in the language of the
# browser or of the environment: '26 Mai 2026' where Python, and so transformers, writes '26 May 2026'. Templates of Llama 3.2, SmolLM3 and
# others put that date into every prompt, so the same model is asked otherwise on a German machine; %A, %a, %y, %I, %p and %S stay as they are.
# One would take a date that a template formats for the same everywhere. Exits 0 while it is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . @huggingface/jinja@0.5.11
cat > node.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { Template } from '@huggingface/jinja';
// A day of May, whose German name is another even when it is short.
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [2026, 4, 26, 9, 8, 7]));
  }
};
const { version } = JSON.parse(readFileSync('node_modules/@huggingface/jinja/package.json', 'utf8'));
const told = (format) => new Template(`{{ strftime_now('${format}') }}`).render({});
const rows = [
  ['%d %b %Y', '26 May 2026'],
  ['%d %B %Y', '26 May 2026'],
  ['%A', 'Tuesday'],
  ['%y %I %p %S', '26 09 AM 07'],
];
console.log(`@huggingface/jinja ${version}, Node ${process.version}, language ${new Intl.DateTimeFormat().resolvedOptions().locale}`);
const different = rows.filter(([format, python]) => {
  const found = told(format);
  console.log(`strftime_now('${format}')  Python: ${python}  JavaScript: ${found}`);
  return found !== python;
});
process.exit(different.length === rows.length ? 0 : 1);
JS
LC_ALL=de_DE.UTF-8 node node.mjs
