// The gradient of cross-entropy by a block of logits, in place of them:
//   logits ← weights[r] · factor · (exp(logit − maximum) / sum − [target]) · (1 − (logit / soft_cap)²)
// logits (rows, n) of tokens first_column … first_column + n; state as cross_entropy.wgsl leaves it after the last block.
// params.soft_cap is read with HAS_SOFT_CAP only. One thread an element.

struct Params {
  elements: u32,
  n: u32,
  first_column: u32,
  factor: f32,
  soft_cap: f32,
}

@group(0) @binding(0) var<storage, read> target_ids: array<u32>;
@group(0) @binding(1) var<storage, read> state: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> logits: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override HAS_SOFT_CAP: u32 = 0;
override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (i >= params.elements) {
    return;
  }
  let row = i / params.n;
  let known = state[row];
  let logit = logits[i];
  let is_target = params.first_column + i % params.n == target_ids[row];
  var gradient = exp(logit - known.x) / known.y - select(0.0, 1.0, is_target);
  if (HAS_SOFT_CAP == 1u) {
    let capped = logit / params.soft_cap;
    gradient *= 1.0 - capped * capped;
  }
  logits[i] = gradient * weights[row] * params.factor;
}
