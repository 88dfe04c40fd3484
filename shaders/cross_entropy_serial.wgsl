// Log-softmax and cross-entropy over one block of the vocabulary, as running values of each token: state[r] =
// (maximum, Σ exp(logit − maximum), logit of the target, unused). After the last block the loss of a token is
// log(sum) + maximum − target. The block with first_column 0 starts the state.
// The twin of cross_entropy.wgsl without barriers, for software adapters.
// logits (rows, n), row-major. One thread a row; sums go in f32 by blocks of 32.

struct Params {
  rows: u32,
  n: u32,
  first_column: u32,
  first_row: u32, // of the rows that this dispatch takes
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> target_ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> state: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 16;

const BLOCK = 32u;
const LOWEST = -1e38; // below every score, and its multiple by log2(e), by which GPUs take exp, is still finite

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (i >= params.rows) {
    return;
  }
  let row = params.first_row + i;
  let start = row * params.n;
  var running = vec4f(LOWEST, 0.0, 0.0, 0.0);
  if (params.first_column > 0u) {
    running = state[row];
  }
  var maximum = running.x;
  for (var c = 0u; c < params.n; c++) {
    maximum = max(maximum, logits[start + c]);
  }
  var total = running.y * exp(running.x - maximum);
  for (var first = 0u; first < params.n; first += BLOCK) {
    var sum = 0.0;
    let end = min(first + BLOCK, params.n);
    for (var c = first; c < end; c++) {
      sum += exp(logits[start + c] - maximum);
    }
    total += sum;
  }
  let wanted = target_ids[row];
  var target_logit = running.z;
  if (wanted >= params.first_column && wanted - params.first_column < params.n) {
    target_logit = logits[start + wanted - params.first_column];
  }
  state[row] = vec4f(maximum, total, target_logit, 0.0);
}
