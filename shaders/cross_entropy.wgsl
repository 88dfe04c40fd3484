// Log-softmax and cross-entropy over one block of the vocabulary, as running values of each token: state[r] =
// (maximum, Σ exp(logit − maximum), logit of the target, unused). After the last block the loss of a token is
// log(sum) + maximum − target. The block with first_column 0 starts the state.
// logits (rows, n), row-major. One workgroup a row; each thread takes every WORKGROUP_SIZE-th column, then a tree joins
// the threads' maxima and sums.

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

override WORKGROUP_SIZE: u32 = 64; // a power of two

const LOWEST = -1e38; // below every score, and its multiple by log2(e), by which GPUs take exp, is still finite

var<workgroup> partials: array<f32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = group_id.x + group_id.y * group_count.x;
  let row = params.first_row + min(group, params.rows - 1u); // a spare workgroup keeps the barriers uniform and writes nothing
  let start = row * params.n;
  var running = vec4f(LOWEST, 0.0, 0.0, 0.0);
  if (params.first_column > 0u) {
    running = state[row];
  }

  var highest = running.x;
  for (var c = lane; c < params.n; c += WORKGROUP_SIZE) {
    highest = max(highest, logits[start + c]);
  }
  partials[lane] = highest;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partials[lane] = max(partials[lane], partials[lane + half]);
    }
    workgroupBarrier();
  }
  let maximum = partials[0];
  workgroupBarrier();

  var sum = 0.0;
  for (var c = lane; c < params.n; c += WORKGROUP_SIZE) {
    sum += exp(logits[start + c] - maximum);
  }
  partials[lane] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partials[lane] += partials[lane + half];
    }
    workgroupBarrier();
  }

  if (lane == 0u && group < params.rows) {
    let wanted = target_ids[row];
    var target_logit = running.z;
    if (wanted >= params.first_column && wanted - params.first_column < params.n) {
      target_logit = logits[start + wanted - params.first_column];
    }
    state[row] = vec4f(maximum, partials[0] + running.y * exp(running.x - maximum), target_logit, 0.0);
  }
}
