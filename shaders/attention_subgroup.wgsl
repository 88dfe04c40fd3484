// Causal grouped-query attention without a T×T matrix: the twin of attention.wgsl for software adapters, where a load
// costs as much as a hundred multiply-adds. Same formula and online softmax, for head_dim divisible by 4, up to 128.
// query, output (batch · seqlen, heads · head_dim); key, value (batch · seqlen, kv_heads · head_dim), bound as vec4.
// One thread takes four neighbouring query rows of one head, which need the same keys and values: what is loaded serves all of
// them, and each of four lanes loads a quarter and hands it to the others; a subgroup must have at least four. Keys go 16
// at a time, so that the running sums are touched once in 16. Columns of the matrices below are the four rows.

enable subgroups;

@group(0) @binding(0) var<storage, read> query: array<vec4f>;
@group(0) @binding(1) var<storage, read> key: array<vec4f>;
@group(0) @binding(2) var<storage, read> value: array<vec4f>;
@group(0) @binding(3) var<storage, read> slopes: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;

override WORKGROUP_SIZE: u32 = 4;
override HEAD_VEC4: u32 = 16; // head_dim / 4

const LOWEST = -1e38; // below every score, and its multiple by log2(e), by which GPUs take exp, is still finite
const MAX_HEAD_VEC4 = 32u;
const ROWS = 4u; // of a thread

fn highest(score: vec4f) -> f32 {
  return max(max(score.x, score.y), max(score.z, score.w));
}

// What 16 keys do to the running values of a query row.
struct Weights {
  w0: vec4f,
  w1: vec4f,
  w2: vec4f,
  w3: vec4f,
  maximum: f32,
  shrink: f32,
  sum: f32,
}

// Of the scores of the keys j … j + 15; those that the query does not see get no weight.
fn weigh(s0: vec4f, s1: vec4f, s2: vec4f, s3: vec4f, j: u32, position: u32, slope: f32, maximum: f32) -> Weights {
  let oldest = oldest_key(position);
  let t0 = select(vec4f(LOWEST), shaped(s0, j, position, slope), seen(j, oldest, position));
  let t1 = select(vec4f(LOWEST), shaped(s1, j + 4u, position, slope), seen(j + 4u, oldest, position));
  let t2 = select(vec4f(LOWEST), shaped(s2, j + 8u, position, slope), seen(j + 8u, oldest, position));
  let t3 = select(vec4f(LOWEST), shaped(s3, j + 12u, position, slope), seen(j + 12u, oldest, position));
  let raised = max(maximum, max(max(highest(t0), highest(t1)), max(highest(t2), highest(t3))));
  var row: Weights;
  row.w0 = select(vec4f(), exp(t0 - raised), seen(j, oldest, position));
  row.w1 = select(vec4f(), exp(t1 - raised), seen(j + 4u, oldest, position));
  row.w2 = select(vec4f(), exp(t2 - raised), seen(j + 8u, oldest, position));
  row.w3 = select(vec4f(), exp(t3 - raised), seen(j + 12u, oldest, position));
  row.maximum = raised;
  row.shrink = exp(maximum - raised);
  row.sum = dot(row.w0 + row.w1 + row.w2 + row.w3, vec4f(1.0));
  return row;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  let lane = subgroup_lane % 4u;
  let head = params.first_head + group_id.y;
  let first = params.first_position + group_id.x * WORKGROUP_SIZE * ROWS; // position of the first row of the workgroup
  let end = params.first_position + params.positions;
  let position = min(vec4u(first + thread * ROWS) + vec4u(0u, 1u, 2u, 3u), vec4u(end - 1u));
  let last_key = min(first + WORKGROUP_SIZE * ROWS, end) - 1u;
  let sequence = (params.first_sequence + group_id.z) * params.seqlen; // its first row
  let kv_columns = params.heads / params.group * HEAD_VEC4;
  let kv_start = sequence * kv_columns + head / params.group * HEAD_VEC4;
  let start = ((vec4u(sequence - params.past) + position) * params.heads + head) * HEAD_VEC4;

  var q: array<mat4x4f, MAX_HEAD_VEC4>;
  var mixed: array<mat4x4f, MAX_HEAD_VEC4>;
  for (var c = 0u; c < HEAD_VEC4; c++) {
    q[c] = mat4x4f(query[start.x + c], query[start.y + c], query[start.z + c], query[start.w + c]) * params.scale;
  }
  let slope = slope_of(head);
  var maximum = vec4f(LOWEST);
  var total = vec4f();
  // From the oldest key of the first row on, in all threads: lanes share only in uniform control flow.
  for (var j = oldest_key(first); j <= last_key; j += 16u) {
    // This lane's four keys; those behind the last read that one again and get no weight.
    let at0 = kv_start + min(j + lane, last_key) * kv_columns;
    let at1 = kv_start + min(j + 4u + lane, last_key) * kv_columns;
    let at2 = kv_start + min(j + 8u + lane, last_key) * kv_columns;
    let at3 = kv_start + min(j + 12u + lane, last_key) * kv_columns;
    var s0 = mat4x4f();
    var s1 = mat4x4f();
    var s2 = mat4x4f();
    var s3 = mat4x4f();
    for (var c = 0u; c < HEAD_VEC4; c++) {
      let x = q[c];
      s0 += transpose(share(key[at0 + c])) * x;
      s1 += transpose(share(key[at1 + c])) * x;
      s2 += transpose(share(key[at2 + c])) * x;
      s3 += transpose(share(key[at3 + c])) * x;
    }
    // Row by row, written out: an index that varies costs as much as a load.
    let r0 = weigh(s0[0], s1[0], s2[0], s3[0], j, position.x, slope, maximum.x);
    let r1 = weigh(s0[1], s1[1], s2[1], s3[1], j, position.y, slope, maximum.y);
    let r2 = weigh(s0[2], s1[2], s2[2], s3[2], j, position.z, slope, maximum.z);
    let r3 = weigh(s0[3], s1[3], s2[3], s3[3], j, position.w, slope, maximum.w);
    maximum = vec4f(r0.maximum, r1.maximum, r2.maximum, r3.maximum);
    total = total * vec4f(r0.shrink, r1.shrink, r2.shrink, r3.shrink) + vec4f(r0.sum, r1.sum, r2.sum, r3.sum);
    let w0 = mat4x4f(r0.w0, r1.w0, r2.w0, r3.w0);
    let w1 = mat4x4f(r0.w1, r1.w1, r2.w1, r3.w1);
    let w2 = mat4x4f(r0.w2, r1.w2, r2.w2, r3.w2);
    let w3 = mat4x4f(r0.w3, r1.w3, r2.w3, r3.w3);
    for (var c = 0u; c < HEAD_VEC4; c++) {
      let before = mixed[c];
      mixed[c] = mat4x4f(before[0] * r0.shrink, before[1] * r1.shrink, before[2] * r2.shrink, before[3] * r3.shrink)
        + (share(value[at0 + c]) * w0 + share(value[at1 + c]) * w1 + share(value[at2 + c]) * w2 + share(value[at3 + c]) * w3);
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    if (first + thread * ROWS + r < end) {
      for (var c = 0u; c < HEAD_VEC4; c++) {
        output[start[r] + c] = mixed[c][r] / total[r];
      }
    }
  }
}
