// The gradient of a divergence by a block of the student's logits, in place of them:
//   student ← weights[r] · factor · (q·a − q · Σ q·a) · (1 − (logit / soft_cap)²)
// with sums as divergence.wgsl leaves them after the last block, and terms of common/divergence_terms.wgsl.
// params.soft_cap is read with HAS_SOFT_CAP only. One thread an element.

struct Params {
  elements: u32,
  n: u32,
  beta: f32,
  factor: f32,
  soft_cap: f32,
}

@group(0) @binding(0) var<storage, read> teacher: array<f32>;
@group(0) @binding(1) var<storage, read> teacher_state: array<vec4f>;
@group(0) @binding(2) var<storage, read> student_state: array<vec4f>;
@group(0) @binding(3) var<storage, read> sums: array<vec2f>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> student: array<f32>;
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
  let logit = student[i];
  let p = teacher[i] - log_sum_of(teacher_state[row]);
  let q = logit - log_sum_of(student_state[row]);
  // Of the forward divergence Σ q·a is −1 but for rounding.
  let mean = select(sums[row].y, -1.0, KIND == 0u);
  var gradient = terms(p, q).y - exp(q) * mean;
  if (HAS_SOFT_CAP == 1u) {
    let capped = logit / params.soft_cap;
    gradient *= 1.0 - capped * capped;
  }
  student[i] = gradient * weights[row] * params.factor;
}
