// Log-softmax and cross-entropy over one block of the vocabulary, as running values of each token: state[r] =
// (maximum, Σ exp(logit − maximum), logit of the target, unused). After the last block the loss of a token is
// log(sum) + maximum − target. The block with first_column 0 starts the state.
// The twin of cross_entropy.wgsl without barriers, for software adapters.
// logits (rows, n), row-major. One thread a row, which reads it once: sums go in f32 by blocks of 16, and are rescaled where
// the maximum grows.

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

const BLOCK = 16u;
const LOWEST = -1e38; // below every score, and its multiple by log2(e), by which GPUs take exp, is still finite

fn four(at: u32) -> vec4f {
  return vec4f(logits[at], logits[at + 1u], logits[at + 2u], logits[at + 3u]);
}

// What a sum is multiplied by when its maximum is raised: exactly 1 where it is not, which exp(0) need not be.
fn shrink(before: f32, raised: f32) -> f32 {
  return select(exp(before - raised), 1.0, before == raised);
}

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
  var total = running.y;
  let blocks_end = params.n / BLOCK * BLOCK;
  for (var c = 0u; c < blocks_end; c += BLOCK) {
    let x0 = four(start + c);
    let x1 = four(start + c + 4u);
    let x2 = four(start + c + 8u);
    let x3 = four(start + c + 12u);
    let highest = max(max(x0, x1), max(x2, x3));
    let raised = max(maximum, max(max(highest.x, highest.y), max(highest.z, highest.w)));
    let sum = exp(x0 - raised) + exp(x1 - raised) + exp(x2 - raised) + exp(x3 - raised);
    total = total * shrink(maximum, raised) + dot(sum, vec4f(1.0));
    maximum = raised;
  }
  for (var c = blocks_end; c < params.n; c++) {
    let x = logits[start + c];
    let raised = max(maximum, x);
    total = total * shrink(maximum, raised) + exp(x - raised);
    maximum = raised;
  }
  let wanted = target_ids[row];
  var target_logit = running.z;
  if (wanted >= params.first_column && wanted - params.first_column < params.n) {
    target_logit = logits[start + wanted - params.first_column];
  }
  state[row] = vec4f(maximum, total, target_logit, 0.0);
}
