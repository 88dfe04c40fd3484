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

// Scores of four keys from j on for a query row, and the lowest for those that it does not see.
fn scores_of(score: vec4f, j: u32, position: u32, slope: f32) -> vec4f {
  return select(vec4f(LOWEST), shaped(score, j, position, slope), seen(j, oldest_key(position), position));
}

fn weights_of(score: vec4f, j: u32, position: u32, raised: f32) -> vec4f {
  return select(vec4f(), exp(score - raised), seen(j, oldest_key(position), position));
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
    var shrink: vec4f;
    for (var r = 0u; r < ROWS; r++) {
      let at = position[r];
      let t0 = scores_of(s0[r], j, at, slope);
      let t1 = scores_of(s1[r], j + 4u, at, slope);
      let t2 = scores_of(s2[r], j + 8u, at, slope);
      let t3 = scores_of(s3[r], j + 12u, at, slope);
      let raised = max(maximum[r], max(max(highest(t0), highest(t1)), max(highest(t2), highest(t3))));
      shrink[r] = exp(maximum[r] - raised);
      maximum[r] = raised;
      // The scores' place takes the weights.
      s0[r] = weights_of(t0, j, at, raised);
      s1[r] = weights_of(t1, j + 4u, at, raised);
      s2[r] = weights_of(t2, j + 8u, at, raised);
      s3[r] = weights_of(t3, j + 12u, at, raised);
      total[r] = total[r] * shrink[r] + dot(s0[r] + s1[r] + s2[r] + s3[r], vec4f(1.0));
    }
    for (var c = 0u; c < HEAD_VEC4; c++) {
      let before = mixed[c];
      mixed[c] = mat4x4f(before[0] * shrink.x, before[1] * shrink.y, before[2] * shrink.z, before[3] * shrink.w)
        + (share(value[at0 + c]) * s0 + share(value[at1 + c]) * s1 + share(value[at2 + c]) * s2 + share(value[at3 + c]) * s3);
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
