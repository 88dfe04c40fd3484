#!/usr/bin/env bash
# Vector constants (v128.const) in the loops of a WebAssembly module, in V8, without Whittle. Compilers to WebAssembly and people leave
# them where they are used, as any optimiser takes what never changes out of a loop; V8's did, and does not any more.
#
# - A polynomial of twelve coefficients, four lanes at a time, takes twice as long with the coefficients named in the loop as with
#   locals that are set to them before it. Results are the same bits.
# - In the code that V8's second compiler makes, each constant is built anew in every turn: a 64-bit immediate to a general register, from
#   there to a vector register, and doubled: three instructions and 19 bytes for one multiplication and one addition. The loop in
#   Node 24 (V8 13.6) has them all; in Node 20 (V8 11.3) both loops are equally fast.
# - Joining vectors (--experimental-wasm-revectorize) does not change it. A zero is no such constant: it is made by one instruction.
#
# Seen: Node 24.21.0 1.94 times, Node 20.19.5 1.00 times, x86-64, Linux. Exits with 0 while this is so.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
mkdir new old
for folder in new old; do (cd $folder && npm init -y >/dev/null); done
(cd new && npm install --silent --no-audit --no-fund node@24.21.0 >/dev/null)
(cd old && npm install --silent --no-audit --no-fund node@20.19.5 >/dev/null)
cat >loop.mjs <<'JS'
// p(x) = ((…(c7·x + c6)·x + …)·x + c0) of every vector of 4 floats, with its coefficients named in the loop or set to locals before it.
const leb = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >>> 7)]);
const simd = (code) => [0xfd, ...leb(code)];
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
const [get, set] = [(i) => [0x20, i], (i) => [0x21, i]];
const splat = (value) => [...simd(0x0c), ...[0, 1, 2, 3].flatMap(() => [...new Uint8Array(Float32Array.of(value).buffer)])];
const coefficients = Array.from({ length: 12 }, (_, i) => 1 / (i + 3));
const [ADD, MUL] = [simd(0xe4), simd(0xe6)];
function body(held) {
  const c = (i) => (held ? get(4 + i) : splat(coefficients[i]));
  const before = held ? coefficients.flatMap((value, i) => [...splat(value), ...set(4 + i)]) : [];
  const steps = coefficients.slice(1).flatMap((_, i) => [...get(3), ...get(2), ...MUL, ...c(i + 1), ...ADD, ...set(3)]);
  const loop = [
    ...[...get(0), ...simd(0x00), 2, 0, ...set(2), ...c(0), ...set(3), ...steps, ...get(0), ...get(3), ...simd(0x0b), 2, 0],
    ...[...get(0), 0x41, 16, 0x6a, 0x22, 0, ...get(1), 0x49, 0x0d, 0],
  ];
  const code = [1, ...leb(2 + coefficients.length), 0x7b, ...before, 0x03, 0x40, ...loop, 0x0b, 0x0b];
  return [...leb(code.length), ...code];
}
const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section(1, [1, 0x60, 2, 0x7f, 0x7f, 0]), ...section(3, [2, 0, 0]), ...section(5, [1, 0, 1])];
const name = (text) => [text.length, ...[...text].map((letter) => letter.charCodeAt(0))];
bytes.push(...section(7, [3, ...name('m'), 2, 0, ...name('named'), 0, 0, ...name('held'), 0, 1]));
bytes.push(...section(10, [2, ...body(false), ...body(true)]));
const { m, named, held } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports;
const x = new Float32Array(m.buffer, 0, 4096);
const result = (f) => { for (let i = 0; i < x.length; i++) x[i] = i / 4096; f(0, 16384); return x.join(); };
if (result(named) !== result(held)) throw new Error('not the same numbers');
const once = (f) => { const begun = performance.now(); for (let i = 0; i < 100; i++) f(0, 16384); return performance.now() - begun; };
for (let i = 0; i < 20; i++) { once(named); once(held); }
const ratios = Array.from({ length: 15 }, () => { x.fill(0.5); return once(named) / once(held); }).sort((a, b) => a - b);
console.log(ratios[7].toFixed(2));
JS
fail() { echo "changed: $1"; exit 1; }
new=$(new/node_modules/.bin/node --no-liftoff loop.mjs)
old=$(old/node_modules/.bin/node --no-liftoff loop.mjs)
made=$(new/node_modules/.bin/node --no-liftoff --print-wasm-code loop.mjs | grep -c 'movq r10,0x3' || true)
echo "Node $(new/node_modules/.bin/node --version): $new times as long with constants in the loop; Node $(old/node_modules/.bin/node --version): $old times"
echo "constants that Node 24's code of both functions builds: $made"
node -e 'process.exit(Number(process.argv[1]) > 1.3 ? 0 : 1)' "$new" || fail 'Node 24 takes constants out of loops'
node -e 'process.exit(Number(process.argv[1]) < 1.2 ? 0 : 1)' "$old" || fail 'Node 20 left them in'
echo 'As described.'
