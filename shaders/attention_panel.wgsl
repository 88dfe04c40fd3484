// Causal grouped-query attention without a T×T matrix, for heads of 32 dimensions: the twin of attention.wgsl for software
// adapters, where time follows the bytes of code that run. As common/row_panel.wgsl: 32 keys and their values stay where they
// are while query rows go by, and four lanes share what they load. Same formula and online softmax: what 32 keys give is added
// to the output, which the row's running maximum rescales; the row's last keys divide it by the sum.
// query, output (batch · seqlen, heads · 32); key, value (batch · seqlen, kv_heads · 32), bound as vec4. One quad takes ROWS
// query rows of one head. A lane scores 8 of the keys, and mixes 8 of the 32 columns; it meets the others' queries and weights in
// an order of its own, by swaps, and has keys and values in that. A subgroup must have at least four lanes.

enable subgroups;

@group(0) @binding(0) var<storage, read> query: array<vec4f>;
@group(0) @binding(1) var<storage, read> key: array<vec4f>;
@group(0) @binding(2) var<storage, read> value: array<vec4f>;
@group(0) @binding(3) var<storage, read> slopes: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;

const LOWEST = -1e38; // below every score, and its multiple by log2(e), by which GPUs take exp, is still finite
const HEAD_VEC4 = 8u;
const ROWS = 256u;
const KEYS = 32u;

fn highest(score: vec4f) -> f32 {
  return max(max(score.x, score.y), max(score.z, score.w));
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(subgroup_invocation_id) subgroup_lane: u32) {
  let lane = subgroup_lane & 3u;
  let head = params.first_head + group_id.y;
  let first = params.first_position + group_id.x * ROWS; // position of the first row
  let end = min(first + ROWS, params.first_position + params.positions);
  let sequence = (params.first_sequence + group_id.z) * params.seqlen; // its first row
  let kv_columns = params.heads / params.group * HEAD_VEC4;
  let kv_start = sequence * kv_columns + head / params.group * HEAD_VEC4;
  let columns = params.heads * HEAD_VEC4;
  let slope = slope_of(head);

  // Of each row: the maximum, and this lane's part of the sum.
  var maxima: array<f32, ROWS>;
  var sums: array<f32, ROWS>;
  var loaded: array<mat4x4f, KEYS>;
  for (var j = oldest_key(first) / KEYS * KEYS; j < end; j += KEYS) {
    let own = j + 8u * lane;
    for (var i = 0u; i < 8u; i++) {
      // Four dimensions of this lane's keys.
      let step = kv_start + ((i & 4u) | ((i & 3u) ^ lane));
      loaded[2u * i] = transpose(four(own, end, step, kv_columns));
      loaded[2u * i + 1u] = transpose(four(own + 4u, end, step, kv_columns));
      // Four keys' values at this lane's columns.
      let keys = j + 8u * ((i >> 1u) ^ lane) + 4u * (i & 1u);
      let column = kv_start + 2u * lane;
      loaded[16u + 2u * i] = four_values(keys, end, column, kv_columns);
      loaded[17u + 2u * i] = four_values(keys, end, column + 1u, kv_columns);
    }
    // Numbers that do not vary hold what was loaded: quick to compile, and to read.
    let p0 = loaded[0]; let q0 = loaded[1];
    let p1 = loaded[2]; let q1 = loaded[3];
    let p2 = loaded[4]; let q2 = loaded[5];
    let p3 = loaded[6]; let q3 = loaded[7];
    let p4 = loaded[8]; let q4 = loaded[9];
    let p5 = loaded[10]; let q5 = loaded[11];
    let p6 = loaded[12]; let q6 = loaded[13];
    let p7 = loaded[14]; let q7 = loaded[15];
    let u0 = loaded[16]; let v0 = loaded[17];
    let u1 = loaded[18]; let v1 = loaded[19];
    let u2 = loaded[20]; let v2 = loaded[21];
    let u3 = loaded[22]; let v3 = loaded[23];
    let u4 = loaded[24]; let v4 = loaded[25];
    let u5 = loaded[26]; let v5 = loaded[27];
    let u6 = loaded[28]; let v6 = loaded[29];
    let u7 = loaded[30]; let v7 = loaded[31];
    for (var position = max(first, j); position < last_row(j, end); position++) {
      let row = (sequence + position - params.past) * columns + head * HEAD_VEC4;
      let x = query[row + lane];
      let y = query[row + 4u + lane];
      var c = plus(vec4f(), p0, x);
      var d = plus(vec4f(), q0, x);
      let x1 = quadSwapX(x);
      c = plus(c, p1, x1); d = plus(d, q1, x1);
      let x2 = quadSwapDiagonal(x1);
      c = plus(c, p2, x2); d = plus(d, q2, x2);
      let x3 = quadSwapX(x2);
      c = plus(c, p3, x3); d = plus(d, q3, x3);
      c = plus(c, p4, y); d = plus(d, q4, y);
      let y1 = quadSwapX(y);
      c = plus(c, p5, y1); d = plus(d, q5, y1);
      let y2 = quadSwapDiagonal(y1);
      c = plus(c, p6, y2); d = plus(d, q6, y2);
      let y3 = quadSwapX(y2);
      c = plus(c, p7, y3); d = plus(d, q7, y3);

      let oldest = oldest_key(position);
      let sees_c = seen(own, oldest, position);
      let sees_d = seen(own + 4u, oldest, position);
      c = select(vec4f(LOWEST), shaped(params.scale * c, own, position, slope), sees_c);
      d = select(vec4f(LOWEST), shaped(params.scale * d, own + 4u, position, slope), sees_d);
      let at = position - first;
      let is_first = j <= oldest;
      let before = select(maxima[at], LOWEST, is_first);
      var raised = highest(max(c, d));
      raised = max(raised, quadSwapX(raised));
      raised = max(max(raised, quadSwapY(raised)), before);
      c = select(vec4f(), exp(c - raised), sees_c);
      d = select(vec4f(), exp(d - raised), sees_d);
      let shrink = exp(before - raised);
      var sum = dot(c + d, vec4f(1.0)) + select(sums[at] * shrink, 0.0, is_first);
      maxima[at] = raised;
      sums[at] = sum;

      var m = plus(vec4f(), u0, c);
      var n = plus(vec4f(), v0, c);
      m = plus(m, u1, d); n = plus(n, v1, d);
      let c1 = quadSwapX(c);
      m = plus(m, u2, c1); n = plus(n, v2, c1);
      let d1 = quadSwapX(d);
      m = plus(m, u3, d1); n = plus(n, v3, d1);
      let c2 = quadSwapDiagonal(c1);
      m = plus(m, u4, c2); n = plus(n, v4, c2);
      let d2 = quadSwapDiagonal(d1);
      m = plus(m, u5, d2); n = plus(n, v5, d2);
      let c3 = quadSwapX(c2);
      m = plus(m, u6, c3); n = plus(n, v6, c3);
      let d3 = quadSwapX(d2);
      m = plus(m, u7, d3); n = plus(n, v7, d3);
      let mixed = row + 2u * lane;
      if (!is_first) {
        m += output[mixed] * shrink;
        n += output[mixed + 1u] * shrink;
      }
      sum += quadSwapX(sum);
      sum += quadSwapY(sum);
      let whole = select(1.0, 1.0 / sum, position < j + KEYS);
      output[mixed] = m * whole;
      output[mixed + 1u] = n * whole;
    }
  }
}

// Behind the last row that sees one of the keys from j on.
fn last_row(j: u32, end: u32) -> u32 {
  if (HAS_WINDOW == 0u) {
    return end;
  }
  return min(end, j + KEYS - 1u + params.window);
}

// Four keys at one vec4 of their dimensions, a key a column; those behind the last row of the panel, which nothing sees, read
// its key again.
fn four(j: u32, end: u32, step: u32, kv_columns: u32) -> mat4x4f {
  let at = min(vec4u(j, j + 1u, j + 2u, j + 3u), vec4u(end - 1u)) * kv_columns + step;
  return mat4x4f(key[at.x], key[at.y], key[at.z], key[at.w]);
}

fn four_values(j: u32, end: u32, column: u32, kv_columns: u32) -> mat4x4f {
  let at = min(vec4u(j, j + 1u, j + 2u, j + 3u), vec4u(end - 1u)) * kv_columns + column;
  return mat4x4f(value[at.x], value[at.y], value[at.z], value[at.w]);
}
