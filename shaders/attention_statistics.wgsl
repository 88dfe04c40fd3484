// What the gradient of attention needs of each query and head (FlashAttention-2, arXiv 2307.08691):
//   statistics = (log Σ_j exp(score_j), Σ_c grad_output · output)
// query, output, grad_output (batch · seqlen, heads · head_dim); key (batch · seqlen, kv_heads · head_dim);
// statistics (batch · seqlen, heads). One thread a query row and head, no barriers.

@group(0) @binding(0) var<storage, read> query: array<f32>;
@group(0) @binding(1) var<storage, read> key: array<f32>;
@group(0) @binding(2) var<storage, read> slopes: array<f32>;
@group(0) @binding(3) var<storage, read> output: array<f32>;
@group(0) @binding(4) var<storage, read> grad_output: array<f32>;
@group(0) @binding(5) var<storage, read_write> statistics: array<vec2f>;

override WORKGROUP_SIZE: u32 = 32;
override HEAD_DIM: u32 = 64;

const LOWEST = -1e38; // below every score, and its multiple by log2(e), by which GPUs take exp, is still finite

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

  var maximum = LOWEST;
  var total = 0.0;
  for (var j = oldest_key(position); j <= position; j++) {
    let at = kv_start + j * kv_columns;
    var product = 0.0;
    for (var c = 0u; c < HEAD_DIM; c++) {
      product += query[start + c] * key[at + c];
    }
    let score = score_of(product, j, position, head).value;
    let highest = max(maximum, score);
    total = total * exp(maximum - highest) + exp(score - highest);
    maximum = highest;
  }
  var along = 0.0;
  for (var c = 0u; c < HEAD_DIM; c++) {
    along += grad_output[start + c] * output[start + c];
  }
  statistics[row_head] = vec2f(maximum + log(total), along);
}
