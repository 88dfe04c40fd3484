#!/usr/bin/env bash
# The compilation hints proposal of WebAssembly, which lets a module say that a function is to be optimised at once
# (custom section metadata.code.compilation_priority), in V8, without Whittle.
#
# - The proposal's text gives every such section one structure, the one of branch hints: a function's index, then a list of hints with
#   their number before them, each of a byte offset, a length and its values. V8 reads this one section without the number: index,
#   offset 0, length, values. Written as the text says, the number 1 is taken for an offset that is not 0, and the whole section is passed over.
# - Nothing tells: the module compiles and runs, by the slow compiler until its budget is spent. Only --trace-wasm-compilation-hints
#   has a line. As V8 reads it, each function named is compiled by the second compiler when it is first called.
# - A compilation priority alone does nothing either way: without the second value, which the text calls optional, nothing is optimised.
# - In Node 26 the flag is --experimental-wasm-compilation-hints; Chromium 156 knows it as --wasm-compilation-hints and passes
#   the other name over (seen with a loop's time; not run here). Node 24 has the flag and reads no such section.
#
# Seen: Node 26.10.0 (V8 14.6), x86-64, Linux. Exits with 0 while this is so.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node@26.10.0 >/dev/null
cat >hint.mjs <<'JS'
// One function, n => n + 1, and hints of it: written as the text or as V8 has it, with one value or two, or none.
const [form, values] = [process.argv[2], process.argv.slice(3).map(Number)];
const section = (id, bytes) => [id, bytes.length, ...bytes];
const name = (text) => [text.length, ...[...text].map((letter) => letter.charCodeAt(0))];
const hint = [0, values.length, ...values];
const hints = { text: [1, 0, 1, ...hint], v8: [1, 0, ...hint] }[form];
const bytes = [
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section(1, [1, 0x60, 1, 0x7f, 1, 0x7f]), ...section(3, [1, 0])],
  ...section(7, [1, ...name('next'), 0, 0]),
  ...(hints ? section(0, [...name('metadata.code.compilation_priority'), ...hints]) : []),
  ...section(10, [1, 7, 0, 0x20, 0, 0x41, 1, 0x6a, 0x0b]),
];
const { next } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports;
if (next(1) !== 2) throw new Error('not the next number');
// Time for a compiler beside this thread.
setTimeout(() => next(2), 300);
JS
# How often the second compiler took the function; the budget is out of reach, so that nothing but a hint can ask for it.
optimised() {
  node_modules/.bin/node --experimental-wasm-compilation-hints --wasm-tiering-budget=2000000000 --trace-wasm-compilation-times \
    --trace-wasm-compilation-hints hint.mjs "$@" | tee out.txt | grep -c 'using TurboFan' || true
}
fail() { echo "changed: $1"; exit 1; }
none=$(optimised none)
text=$(optimised text 0 0)
told=$(grep -c 'byte offset has to be 0' out.txt || true)
v8=$(optimised v8 0 0)
alone=$(optimised v8 0)
echo "Node $(node_modules/.bin/node --version), functions optimised: no hint $none; as the text has it $text ($told line in the trace); without the number $v8; with one value $alone"
[ "$none" = 0 ] || fail 'optimised without a hint'
[ "$text" = 0 ] && [ "$told" = 1 ] || fail "the section is read as the proposal's text has it"
[ "$v8" = 1 ] || fail 'a hint without the number before it is not obeyed'
[ "$alone" = 0 ] || fail 'a compilation priority alone has a function optimised'
echo 'As described.'
