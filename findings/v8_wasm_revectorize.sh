#!/bin/sh
# Chromium's V8 can join pairs of WebAssembly's 128-bit vectors into 256-bit ones on x64 (--wasm-revectorize, off by default also where AVX2
# is there). What one would guess: the best matrix kernel stays the best, and becomes faster. Found: the kernel that is best without the flag
# (4 rows by 2 vectors, whose eight sums stay in registers) gains little, and the one that spills and is the slower one without it
# (4 rows by 4 vectors) becomes the fastest by far. Results have the same bits. So an engine with the flag needs other tiles,
# and no feature test tells which engine it is: only time does. Exits non-zero when that changes.
set -eu
case "$(uname -s) $(uname -m)" in
'Linux x86_64') ;;
*) echo "only looked at on Linux, x86_64"; exit 0 ;;
esac
grep -q avx2 /proc/cpuinfo || { echo "this processor has no AVX2"; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# Node's own builds of V8 do not have the flag at all (looked at: 20.20.2, 26.10.0).
browser=${CHROME_PATH:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$browser" ] || { echo "no Chromium here: set CHROME_PATH"; exit 0; }
cat >probe.html <<'HTML'
<!doctype html><pre id="found"></pre><script>
// f(a, b, c): C (4, 4V) = A·B from interleaved panels of depth K, with relaxed fused multiply-adds; called for many tiles.
const K = 288, TILES = 4096;
const leb = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >>> 7)]);
const signed = (n) => { const low = n & 127, rest = n >> 7; return (rest === 0 && low < 64) || (rest === -1 && low >= 64) ? [low] : [low | 128, ...signed(rest)]; };
const vec = (...items) => [...leb(items.length), ...items.flat()];
const section = (id, content) => [id, ...leb(content.length), ...content];
const text = (s) => vec(...[...s].map((c) => [c.charCodeAt(0)]));
const get = (x) => [0x20, ...leb(x)], set = (x) => [0x21, ...leb(x)], simd = (n) => [0xfd, ...leb(n)];
const add = (x, n) => [...get(x), 0x41, ...signed(n), 0x6a, ...set(x)];
function kernel(V) {
  const sum = (r, h) => 4 + r * V + h, b = (h) => 4 + 4 * V + h, a = 4 + 5 * V;
  const rows = (f) => [0, 1, 2, 3].flatMap(f), halves = (f) => Array.from({ length: V }, (_, h) => f(h)).flat();
  const body = [
    ...rows((r) => halves((h) => [...simd(12), ...new Array(16).fill(0), ...set(sum(r, h))])),
    ...get(1), 0x41, ...signed(K * 16 * V), 0x6a, ...set(3),
    0x03, 0x40,
    ...halves((h) => [...get(1), ...simd(0), 2, ...leb(16 * h), ...set(b(h))]),
    ...rows((r) => [...get(0), ...simd(9), 2, 4 * r, ...set(a),
      ...halves((h) => [...get(a), ...get(b(h)), ...get(sum(r, h)), ...simd(0x105), ...set(sum(r, h))])]),
    ...add(0, 16), ...add(1, 16 * V), ...get(1), ...get(3), 0x49, 0x0d, 0, 0x0b,
    ...rows((r) => halves((h) => [...get(2), ...get(sum(r, h)), ...simd(11), 2, ...leb(16 * (r * V + h))])),
    0x0b,
  ];
  const code = [...vec([...leb(1), 0x7f], [...leb(5 * V + 1), 0x7b]), ...body];
  const module = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, vec([0x60, ...vec([0x7f], [0x7f], [0x7f]), ...vec()])),
    ...section(2, vec([...text('h'), ...text('m'), 2, 0, 1])), ...section(3, vec([0])),
    ...section(7, vec([...text('f'), 0, 0])), ...section(10, vec([...leb(code.length), ...code]))]);
  const memory = new WebAssembly.Memory({ initial: 4 });
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(module), { h: { m: memory } }).exports;
  const floats = new Float32Array(memory.buffer);
  for (let i = 0; i < 32768; i++) floats[i] = ((i * 7919) % 1000) / 1000 - 0.5;
  // Shorter than a scheduler's slice, and the least of many: other work on the machine does not count.
  let least = Infinity;
  const end = performance.now() + 1500;
  while (performance.now() < end) {
    const begun = performance.now();
    for (let i = 0; i < TILES; i++) f(0, 16384, 131072);
    least = Math.min(least, performance.now() - begun);
  }
  return { gflops: (2 * 16 * V * K * TILES) / least / 1e6, c: Array.from(floats.subarray(32768, 32768 + 16)) };
}
const [narrow, wide] = [kernel(2), kernel(4)];
document.getElementById('found').textContent = JSON.stringify({ narrow: narrow.gflops, wide: wide.gflops, c: [narrow.c, wide.c] });
</script>
HTML
run() {
  "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$folder/profile" "$@" --dump-dom "file://$folder/probe.html" 2>/dev/null |
    sed -n 's/.*<pre id="found">\(.*\)<\/pre>.*/\1/p'
}
run --js-flags=--no-wasm-revectorize >plain.json
run --js-flags=--wasm-revectorize >joined.json
"$browser" --version 2>/dev/null
node -e '
const { readFileSync } = require("fs");
const [plain, joined] = ["plain", "joined"].map((name) => JSON.parse(readFileSync(`${name}.json`)));
const row = ({ narrow, wide }) => `4 x 8: ${narrow.toFixed(0)} GFLOP/s, 4 x 16: ${wide.toFixed(0)} GFLOP/s`;
console.log(`without the flag        ${row(plain)}`);
console.log(`--wasm-revectorize      ${row(joined)}`);
const sameBits = JSON.stringify(plain.c) === JSON.stringify(joined.c);
console.log(`the same bits: ${sameBits}`);
const found = sameBits && plain.wide < 0.8 * plain.narrow && joined.wide > 1.4 * joined.narrow && joined.narrow < 1.4 * plain.narrow;
console.log(found ? "as found" : "this has changed");
process.exit(found ? 0 : 1);
'
