#!/usr/bin/env bash
# What V8 makes of WebAssembly's i32x4.relaxed_dot_i8x16_i7x16_add_s (relaxed SIMD: bytes times 7-bit numbers, four products added a
# lane), without Whittle. The specification leaves open what a second operand with its eighth bit set gives, so that an engine may use
# whatever instruction there is; nothing tells a program which one it got, and it matters: vpdpbusd is one instruction for sixteen
# products, what stands in for it three.
#
# - The open case tells, without a clock: 127 · 255 four times is 129,540 by vpdpbusd (second operand without a sign), and 65,534 by
#   the stand-in (pairs saturate at 16 bits). The result of the same valid module thus changes with a processor's age.
# - V8 uses vpdpbusd where the processor has AVX-VNNI, and stands in for it without. AVX-512's VNNI alone is not asked for
#   (its flag and its list of features name AVX_VNNI and AVX_VNNI_INT8 only).
# - Operands of 7 bits give the same either way, as the specification has it.
# - With --experimental-wasm-revectorize two of them beside each other become one of 256 bits: it is not only for floats.
#
# Node 24.21.0, x86-64, Linux. On a processor without AVX-VNNI only the stand-in is looked at. Exits with 0 while this is so.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node@24.21.0 >/dev/null
node=node_modules/.bin/node
cat >dot.mjs <<'JS'
const leb = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >>> 7)]);
const simd = (code) => [0xfd, ...leb(code)];
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
const load = (at) => [0x41, 0, ...simd(0x00), 2, ...leb(at)];
const zero = [...simd(0x0c), ...new Array(16).fill(0)];
// local ← dot(memory[at], memory[at + 32], 0), of two vectors that lie beside each other; both are stored at the end.
const dot = (at, local) => [...load(at), ...load(at + 32), ...zero, ...simd(0x113), 0x21, local];
const store = (at, local) => [0x41, 0, 0x20, local, ...simd(0x0b), 2, ...leb(at)];
const body = [1, 2, 0x7b, ...dot(0, 0), ...dot(16, 1), ...store(0, 0), ...store(16, 1), 0x0b];
const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section(1, [1, 0x60, 0, 0]), ...section(3, [1, 0]), ...section(5, [1, 0, 1])];
bytes.push(...section(7, [2, 1, 0x6d, 2, 0, 1, 0x66, 0, 0]), ...section(10, [1, ...leb(body.length), ...body]));
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)));
const memory = new Int8Array(exports.m.buffer);
const result = (a, b) => {
  memory.fill(a, 0, 32).fill(b, 32, 64);
  exports.f();
  return new Int32Array(exports.m.buffer)[4];
};
console.log(`${result(127, -1)} ${result(-128, 127)}`);
JS
fail() { echo "changed: $1"; exit 1; }
with=$($node dot.mjs)
without=$($node --no-enable-avx-vnni dot.mjs)
echo "node $($node --version), V8 $($node -p process.versions.v8)"
echo "127 · 255 and -128 · 127, four times each: $with"
echo "the same with --no-enable-avx-vnni:         $without"
[ "$without" = '65534 -65024' ] || fail 'the stand-in'
if ! grep -qw avx_vnni /proc/cpuinfo; then
  [ "$with" = "$without" ] || fail 'another instruction without AVX-VNNI'
  echo 'This processor has no AVX-VNNI.'
  exit 0
fi
[ "$with" = '129540 -65024' ] || fail 'with AVX-VNNI'
wide=$($node --experimental-wasm-revectorize --no-liftoff --print-wasm-code dot.mjs | grep -c 'vpdpbusd ymm' || true)
plain=$($node --no-liftoff --print-wasm-code dot.mjs | grep -c 'vpdpbusd ymm' || true)
echo "vpdpbusd of 256 bits in the code: $wide joined, $plain not"
[ "$wide" -ge 1 ] && [ "$plain" = 0 ] || fail 'joined vectors'
echo 'As described.'
