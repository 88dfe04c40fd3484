// Adds a block of the vocabulary to a divergence between the softmaxes of two heads, row by row:
//   sums[r] += (Σ_c terms, Σ_c q · a), a the derivative by q: see common/divergence_terms.wgsl.
// teacher, student (rows, n): logits; the states as cross_entropy.wgsl leaves them after the last block. One workgroup a row.

struct Params {
  rows: u32,
  n: u32,
  beta: f32,
}

@group(0) @binding(0) var<storage, read> teacher: array<f32>;
@group(0) @binding(1) var<storage, read> student: array<f32>;
@group(0) @binding(2) var<storage, read> teacher_state: array<vec4f>;
@group(0) @binding(3) var<storage, read> student_state: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> sums: array<vec2f>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64; // a power of two

var<workgroup> partials: array<vec2f, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = group_id.x + group_id.y * group_count.x;
  let row = min(group, params.rows - 1u); // a spare workgroup keeps the barriers uniform and writes nothing
  let start = row * params.n;
  let teacher_log = log_sum_of(teacher_state[row]);
  let student_log = log_sum_of(student_state[row]);
  var own = vec2f();
  for (var c = lane; c < params.n; c += WORKGROUP_SIZE) {
    own += terms(teacher[start + c] - teacher_log, student[start + c] - student_log);
  }
  partials[lane] = own;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partials[lane] += partials[lane + half];
    }
    workgroupBarrier();
  }
  if (lane == 0u && group < params.rows) {
    sums[row] += partials[0];
  }
}
