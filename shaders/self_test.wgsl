// What an adapter's float arithmetic does with numbers that show it: one thread a row of `cases` (a, b, c, unused), eight
// words of `found` a row. Data from storage, so that nothing is folded when the shader is compiled. The host knows what
// each word means and judges (src/backend/webgpu/self_test.ts).

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> cases: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> found: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = thread.x;
  if (row >= params.count) {
    return;
  }
  let a = cases[row].x;
  let b = cases[row].y;
  let c = cases[row].z;
  let first = 8u * row;
  found[first] = bitcast<u32>(fma(a, b, c));
  found[first + 1u] = bitcast<u32>(a * b + c);
  found[first + 2u] = bitcast<u32>(a * b);
  found[first + 3u] = bitcast<u32>(a / b);
  found[first + 4u] = bitcast<u32>(sqrt(a));
  found[first + 5u] = select(0u, 1u, a != a);
  found[first + 6u] = select(0u, 1u, (bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u);
  found[first + 7u] = bitcast<u32>(max(a, b));
}
