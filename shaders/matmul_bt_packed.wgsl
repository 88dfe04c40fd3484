// output = row_scale ⊙ (a · bᵀ) ⊙ act(gate) for few rows of a, with b in grouped integers that are never written as floats: see
// common/packed_codes.wgsl. Factors by common/matmul_factors.wgsl.
// a (m, k), output (m, output_stride), row-major; its columns 0 … n, as bound, belong to rows first_output … of b. LANES
// threads share a column of output: each sums every LANES-th four inputs in f32, then a tree adds their sums. For ROWS rows
// of a, codes are decoded once.

struct Params {
  m: u32,
  n: u32,
  k: u32,
  output_stride: u32,
  accumulate: u32,
  first_output: u32,
  row_words: u32,
  group: u32,
  groups: u32,
  scales_at: u32,
  zeros_at: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read> gate: array<f32>; // rows as long as those of output
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override LANES: u32 = 16; // a power of two
override OUTPUTS: u32 = 4;
override ROWS: u32 = 1; // 1 or 4
override TAIL: u32 = 0; // k is no multiple of four

var<workgroup> sums: array<vec4f, LANES * OUTPUTS>;

// Four inputs of a row; the last row again for rows beyond the end, zeros for inputs beyond it.
fn inputs(row: u32, column: u32) -> vec4f {
  let at = min(row, params.m - 1u) * params.k + column;
  if (TAIL == 1u && column + 4u > params.k) {
    var x = vec4f();
    for (var i = 0u; column + i < params.k; i++) {
      x[i] = a[at + i];
    }
    return x;
  }
  return vec4f(a[at], a[at + 1u], a[at + 2u], a[at + 3u]);
}

@compute @workgroup_size(LANES, OUTPUTS)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let col = group_id.x * OUTPUTS + local.y;
  let row = group_id.y * ROWS;
  let source = params.first_output + min(col, params.n - 1u);
  var sum = vec4f();
  for (var c = 4u * local.x; c < params.k; c += 4u * LANES) {
    var weight = weights(source, c);
    if (TAIL == 1u) {
      // Beyond the end weights may be anything.
      weight = select(vec4f(), weight, vec4u(c, c + 1u, c + 2u, c + 3u) < vec4u(params.k));
    }
    sum.x += dot(weight, inputs(row, c));
    if (ROWS > 1u) {
      sum.y += dot(weight, inputs(row + 1u, c));
      sum.z += dot(weight, inputs(row + 2u, c));
      sum.w += dot(weight, inputs(row + 3u, c));
    }
  }
  if (LANES > 1u) {
    let at = local.y * LANES + local.x;
    sums[at] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      if (local.x < half) {
        sums[at] += sums[at + half];
      }
      workgroupBarrier();
    }
    sum = sums[at];
  }
  if (local.x == 0u && col < params.n) {
    for (var i = 0u; i < ROWS && row + i < params.m; i++) {
      let at = (row + i) * params.output_stride + col;
      var product = sum[i];
      if (HAS_ROW_SCALE == 1u) {
        product *= row_scale[row + i];
      }
      if (HAS_GATE == 1u) {
        product *= activate(gate[at]);
      }
      if (params.accumulate == 0u) {
        output[at] = product;
      } else {
        output[at] = output[at] + product;
      }
    }
  }
}
