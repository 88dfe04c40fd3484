// The gradient of attention by its queries (FlashAttention-2, arXiv 2307.08691): with p = exp(score − log-sum) made again,
//   grad_query[t, h] = Σ_{j ≤ t} p · (grad_output · value_j − δ) · slope · key_j
// statistics (batch · seqlen, heads) holds (log-sum, δ); sizes as in attention_statistics.wgsl. One thread a query row and head.

@group(0) @binding(0) var<storage, read> query: array<f32>;
@group(0) @binding(1) var<storage, read> key: array<f32>;
@group(0) @binding(2) var<storage, read> value: array<f32>;
@group(0) @binding(3) var<storage, read> slopes: array<f32>;
@group(0) @binding(4) var<storage, read> grad_output: array<f32>;
@group(0) @binding(5) var<storage, read> statistics: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> grad_query: array<f32>;

override WORKGROUP_SIZE: u32 = 32;
override HEAD_DIM: u32 = 64;

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
  let row_head = (sequence + position) * params.heads + head;
  let start = row_head * HEAD_DIM;
  let known = statistics[row_head];

  var gradient: array<f32, MAX_HEAD_DIM>;
  for (var c = 0u; c < HEAD_DIM; c++) {
    gradient[c] = 0.0;
  }
  for (var j = oldest_key(position); j <= position; j++) {
    let at = kv_start + j * kv_columns;
    var product = 0.0;
    var along = 0.0;
    for (var c = 0u; c < HEAD_DIM; c++) {
      product += query[start + c] * key[at + c];
      along += grad_output[start + c] * value[at + c];
    }
    let score = score_of(product, j, position, head);
    let back = exp(score.value - known.x) * (along - known.y) * score.slope;
    for (var c = 0u; c < HEAD_DIM; c++) {
      gradient[c] += back * key[at + c];
    }
  }
  for (var c = 0u; c < HEAD_DIM; c++) {
    grad_query[start + c] = gradient[c];
  }
}
