// output[r, c] = round(x / s) · s with s = max_c |x| / levels: each row in whole multiples of a step of its own, symmetric
// around 0, as int8 holds it with 127 levels. x = hidden_states[r, c]; a row of zeros stays zero, NaN stays NaN (it is told by
// its bits: WGSL may assume that there is none). hidden_states, output (rows, d), row-major. With HAS_KEPT, columns where
// kept (windows, d) is not 0 pass as they are and do not count towards the largest; a window is `seqlen` rows (LLM.int8(), arXiv
// 2208.07339). One workgroup a row.

struct Params {
  rows: u32,
  d: u32,
  seqlen: u32,
  levels: f32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<f32>;
@group(0) @binding(1) var<storage, read> kept: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64; // a power of two
override HAS_KEPT: u32 = 0;

var<workgroup> largest: array<f32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = group_id.x + group_id.y * group_count.x;
  let row = min(group, params.rows - 1u); // a spare workgroup keeps the barriers uniform and writes nothing
  let start = row * params.d;
  let window = row / params.seqlen * params.d;
  var most = 0.0;
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
    var is_kept = false;
    if (HAS_KEPT == 1u) {
      is_kept = kept[window + c] != 0.0;
    }
    if (!is_kept) {
      most = max(most, abs(hidden_states[start + c]));
    }
  }
  largest[lane] = most;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      largest[lane] = max(largest[lane], largest[lane + half]);
    }
    workgroupBarrier();
  }
  if (group >= params.rows) {
    return;
  }
  var step = largest[0] / params.levels;
  if (step == 0.0) {
    step = 1.0;
  }
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
    let x = hidden_states[start + c];
    var y = clamp(round(x / step), -params.levels, params.levels) * step;
    if (HAS_KEPT == 1u) {
      if (kept[window + c] != 0.0) {
        y = x;
      }
    }
    if ((bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u) {
      y = x;
    }
    output[start + c] = y;
  }
}
