#!/usr/bin/env bash
# @huggingface/jinja, which renders chat templates for transformers.js and many pages, takes blanks off whatever strip is told to take off:
# 'xxaxx'.strip('x') stays 'xxaxx', and ' a \n'.rstrip('\n') loses its space too. Templates of Qwen 3 and others call
# lstrip('\n') and rstrip('\n'), so the same messages become another prompt than in Python, without an error; a string also equals a number.
# One would take a template that renders without an error for the one of transformers. Exits 0 while it is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . @huggingface/jinja@0.5.11
python3 -m venv env
env/bin/pip install --quiet jinja2==3.1.6
cat > cases.json <<'JSON'
["{{ 'xxaxx'.strip('x') }}", "[{{ ' a \\n'.rstrip('\\n') }}]", "[{{ '\\n  a'.lstrip('\\n') }}]", "[{{ text.split('</think>')[-1].lstrip('\\n') }}]", "{{ 'yes' if '1' == 1 else 'no' }}"]
JSON
cat > python.py <<'PY'
import json, jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
print(json.dumps([environment.from_string(case).render(text="<think>4</think>\n\n  4") for case in json.load(open("cases.json"))]))
PY
cat > node.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { Template } from '@huggingface/jinja';
const { version } = JSON.parse(readFileSync('node_modules/@huggingface/jinja/package.json', 'utf8'));
const python = JSON.parse(readFileSync('python.json', 'utf8'));
let same = 0;
console.log(`@huggingface/jinja ${version} against jinja2 3.1.6`);
for (const [i, text] of JSON.parse(readFileSync('cases.json', 'utf8')).entries()) {
  const found = new Template(text).render({ text: '<think>4</think>\n\n  4' });
  console.log(`${text}\n  Python     ${JSON.stringify(python[i])}\n  JavaScript ${JSON.stringify(found)}`);
  if (found === python[i]) same++;
}
console.log(same === 0 ? 'all of them differ, in silence' : `${same} are the same now`);
process.exit(same === 0 ? 0 : 1);
JS
env/bin/python python.py > python.json
node node.mjs
