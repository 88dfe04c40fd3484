// A product with few rows of a, for kernels that decode b as they multiply: each has a(m, k), gate and output bound, m, n, k,
// output_stride, first_output and accumulate in its params, and a function weights(row, column) for four inputs of a row of
// b. LANES threads share a column of output: each sums every LANES-th four inputs in f32, then a tree adds their sums. For ROWS
// rows of a, weights are decoded once. Factors by matmul_factors.wgsl.
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

fn multiply_few_rows(group_id: vec3u, local: vec3u) {
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
