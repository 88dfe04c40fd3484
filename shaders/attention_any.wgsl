// Causal grouped-query attention for any head_dim up to 256: the twin of attention.wgsl for sizes that are no multiple
// of 4. Same formula and online softmax, one key at a time.
// query, output (batch · seqlen, heads · head_dim); key, value (batch · seqlen, kv_heads · head_dim).
// One thread a query row and head, no barriers.

@group(0) @binding(0) var<storage, read> query: array<f32>;
@group(0) @binding(1) var<storage, read> key: array<f32>;
@group(0) @binding(2) var<storage, read> value: array<f32>;
@group(0) @binding(3) var<storage, read> slopes: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

override WORKGROUP_SIZE: u32 = 32;
override HEAD_DIM: u32 = 64;

const LOWEST = -1e38; // below every score, and its multiple by log2(e), by which GPUs take exp, is still finite
const MAX_HEAD_DIM = 256u;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = params.first_position + group_id.x * WORKGROUP_SIZE + lane;
  let head = params.first_head + group_id.y;
  if (position >= params.first_position + params.positions) {
    return;
  }
  let sequence = (params.first_sequence + group_id.z) * params.seqlen; // its first row
  let kv_columns = params.heads / params.group * HEAD_DIM;
  let kv_start = sequence * kv_columns + head / params.group * HEAD_DIM;
  let start = ((sequence + position - params.past) * params.heads + head) * HEAD_DIM;

  var mixed: array<f32, MAX_HEAD_DIM>;
  let slope = slope_of(head);
  var maximum = LOWEST;
  var total = 0.0;
  for (var j = oldest_key(position); j <= position; j++) {
    let at = kv_start + j * kv_columns;
    var score = 0.0;
    for (var c = 0u; c < HEAD_DIM; c++) {
      score += query[start + c] * key[at + c];
    }
    score = shaped(vec4f(score * params.scale), j, position, slope).x;
    let highest = max(maximum, score);
    let shrink = exp(maximum - highest);
    let weight = exp(score - highest);
    maximum = highest;
    total = total * shrink + weight;
    for (var c = 0u; c < HEAD_DIM; c++) {
      mixed[c] = mixed[c] * shrink + weight * value[at + c];
    }
  }
  for (var c = 0u; c < HEAD_DIM; c++) {
    output[start + c] = mixed[c] / total;
  }
}
