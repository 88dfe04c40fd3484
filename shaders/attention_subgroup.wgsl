// Causal grouped-query attention without a T×T matrix: the twin of attention.wgsl for software adapters, where a load
// costs as much as a hundred multiply-adds. Same formula and online softmax, for head_dim divisible by 4, up to 128.
// query, output (batch · seqlen, heads · head_dim); key, value (batch · seqlen, kv_heads · head_dim), bound as vec4.
// One thread a query row and head. Threads of a workgroup are neighbouring rows of one sequence and head, which need the same
// keys and values: each of four lanes loads a quarter of them and hands it to the others; a subgroup must have at least
// four. Keys go 16 at a time, so that the running sums are touched once in 16.

enable subgroups;

@group(0) @binding(0) var<storage, read> query: array<vec4f>;
@group(0) @binding(1) var<storage, read> key: array<vec4f>;
@group(0) @binding(2) var<storage, read> value: array<vec4f>;
@group(0) @binding(3) var<storage, read> slopes: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;

override WORKGROUP_SIZE: u32 = 8;
override HEAD_VEC4: u32 = 16; // head_dim / 4

const LOWEST = -1e38; // below every score, and its multiple by log2(e), by which GPUs take exp, is still finite
const MAX_HEAD_VEC4 = 32u;

fn highest(score: vec4f) -> f32 {
  return max(max(score.x, score.y), max(score.z, score.w));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  let lane = subgroup_lane % 4u;
  let head = params.first_head + group_id.y;
  let first = params.first_position + group_id.x * WORKGROUP_SIZE; // position of the first row of the workgroup
  let end = params.first_position + params.positions;
  let position = min(first + thread, end - 1u);
  let last_key = min(first + WORKGROUP_SIZE, end) - 1u;
  let sequence = (params.first_sequence + group_id.z) * params.seqlen; // its first row
  let kv_columns = params.heads / params.group * HEAD_VEC4;
  let kv_start = sequence * kv_columns + head / params.group * HEAD_VEC4;
  let start = ((sequence + position - params.past) * params.heads + head) * HEAD_VEC4;

  var q: array<vec4f, MAX_HEAD_VEC4>;
  var mixed: array<vec4f, MAX_HEAD_VEC4>;
  for (var c = 0u; c < HEAD_VEC4; c++) {
    q[c] = query[start + c] * params.scale;
  }
  let oldest = oldest_key(position);
  let slope = slope_of(head);
  var maximum = LOWEST;
  var total = 0.0;
  // From the oldest key of the first row on, in all threads: lanes share only in uniform control flow.
  for (var j = oldest_key(first); j <= last_key; j += 16u) {
    // This lane's four keys; those behind the last read that one again and get no weight.
    let at0 = kv_start + min(j + lane, last_key) * kv_columns;
    let at1 = kv_start + min(j + 4u + lane, last_key) * kv_columns;
    let at2 = kv_start + min(j + 8u + lane, last_key) * kv_columns;
    let at3 = kv_start + min(j + 12u + lane, last_key) * kv_columns;
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    for (var c = 0u; c < HEAD_VEC4; c++) {
      let x = q[c];
      s0 += x * share(key[at0 + c]);
      s1 += x * share(key[at1 + c]);
      s2 += x * share(key[at2 + c]);
      s3 += x * share(key[at3 + c]);
    }
    s0 = select(vec4f(LOWEST), shaped(s0, j, position, slope), seen(j, oldest, position));
    s1 = select(vec4f(LOWEST), shaped(s1, j + 4u, position, slope), seen(j + 4u, oldest, position));
    s2 = select(vec4f(LOWEST), shaped(s2, j + 8u, position, slope), seen(j + 8u, oldest, position));
    s3 = select(vec4f(LOWEST), shaped(s3, j + 12u, position, slope), seen(j + 12u, oldest, position));
    let raised = max(maximum, max(max(highest(s0), highest(s1)), max(highest(s2), highest(s3))));
    let shrink = exp(maximum - raised);
    let w0 = select(vec4f(), exp(s0 - raised), seen(j, oldest, position));
    let w1 = select(vec4f(), exp(s1 - raised), seen(j + 4u, oldest, position));
    let w2 = select(vec4f(), exp(s2 - raised), seen(j + 8u, oldest, position));
    let w3 = select(vec4f(), exp(s3 - raised), seen(j + 12u, oldest, position));
    maximum = raised;
    total = total * shrink + dot(w0 + w1 + w2 + w3, vec4f(1.0));
    for (var c = 0u; c < HEAD_VEC4; c++) {
      mixed[c] = mixed[c] * shrink
        + (share(value[at0 + c]) * w0 + share(value[at1 + c]) * w1 + share(value[at2 + c]) * w2 + share(value[at3 + c]) * w3);
    }
  }
  if (first + thread < end) {
    for (var c = 0u; c < HEAD_VEC4; c++) {
      output[start + c] = mixed[c] / total;
    }
  }
}
