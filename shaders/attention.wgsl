// Causal grouped-query attention without a T×T matrix, for head_dim divisible by 4; attention_any.wgsl takes the others:
//   output[t, h] = Σ_{j ≤ t} softmax_j(scale · query[t, h] · key[j, h / group]) · value[j, h / group]
// with the online softmax (arXiv 1805.02867; its use in attention: arXiv 2205.14135): a running maximum, and sums that
// are rescaled when it grows. Keys go four at a time, so that this happens once in four. common/attention_options.wgsl holds
// the parameters, and what some models add to it.
// query, output (batch · seqlen, heads · head_dim); key, value (batch · seqlen, kv_heads · head_dim), bound as vec4.
// One thread a query row and head, all in registers, no barriers; neighbouring threads are neighbouring rows, which read
// the same keys.

@group(0) @binding(0) var<storage, read> query: array<vec4f>;
@group(0) @binding(1) var<storage, read> key: array<vec4f>;
@group(0) @binding(2) var<storage, read> value: array<vec4f>;
@group(0) @binding(3) var<storage, read> slopes: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;

override WORKGROUP_SIZE: u32 = 32; // a multiple of 4
override HEAD_VEC4: u32 = 16; // head_dim / 4

const LOWEST = -1e38; // below every score, and its multiple by log2(e), by which GPUs take exp, is still finite
const MAX_HEAD_VEC4 = 64u;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = params.first_position + group_id.x * WORKGROUP_SIZE + lane;
  let head = params.first_head + group_id.y;
  if (position >= params.first_position + params.positions) {
    return;
  }
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
  // From the same key on in (almost) all threads of a workgroup, so that they go on reading the same keys.
  for (var j = oldest / WORKGROUP_SIZE * WORKGROUP_SIZE; j <= position; j += 4u) {
    // Keys behind the query's own position read that one again and get no weight.
    let keys = kv_start + min(vec4u(j, j + 1u, j + 2u, j + 3u), vec4u(position)) * kv_columns;
    var score = vec4f();
    for (var c = 0u; c < HEAD_VEC4; c++) {
      let x = q[c];
      score += vec4f(dot(x, key[keys.x + c]), dot(x, key[keys.y + c]), dot(x, key[keys.z + c]), dot(x, key[keys.w + c]));
    }
    let visible = seen(j, oldest, position);
    score = select(vec4f(LOWEST), shaped(score, j, position, slope), visible);
    let highest = max(maximum, max(max(score.x, score.y), max(score.z, score.w)));
    let shrink = exp(maximum - highest);
    let weight = select(vec4f(), exp(score - highest), visible);
    maximum = highest;
    total = total * shrink + (weight.x + weight.y + weight.z + weight.w);
    for (var c = 0u; c < HEAD_VEC4; c++) {
      mixed[c] = mixed[c] * shrink
        + (weight.x * value[keys.x + c] + weight.y * value[keys.y + c] + weight.z * value[keys.z + c] + weight.w * value[keys.w + c]);
    }
  }
  for (var c = 0u; c < HEAD_VEC4; c++) {
    output[start + c] = mixed[c] / total;
  }
}
