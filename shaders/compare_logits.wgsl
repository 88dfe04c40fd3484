// Two heads' logits of the same tokens over one block of the vocabulary, as running values of each token:
// state[2 r] = (maximum of dense, maximum of own, their columns), state[2 r + 1] = (Σ w·d, Σ w·(exp(d) − 1 − d), shift, 0), with w and
// d as common/compared_terms.wgsl has them. The shift, the difference of the two maxima in the first block, keeps d small; the
// divergence does not depend on it. dense_state and own_state as cross_entropy.wgsl leaves them after this block.
// dense, own (rows, n): logits of the same block. One workgroup a row.

struct Params {
  rows: u32,
  n: u32,
  first_column: u32,
  first_row: u32, // of the rows that this dispatch takes
}

@group(0) @binding(0) var<storage, read> dense: array<f32>;
@group(0) @binding(1) var<storage, read> own: array<f32>;
@group(0) @binding(2) var<storage, read> dense_state: array<vec4f>;
@group(0) @binding(3) var<storage, read> own_state: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> state: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64; // a power of two

var<workgroup> partials: array<vec4f, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = group_id.x + group_id.y * group_count.x;
  let row = params.first_row + min(group, params.rows - 1u); // a spare workgroup keeps the barriers uniform and writes nothing
  let start = row * params.n;
  let maximum = dense_state[row].x;
  let own_maximum = own_state[row].x;
  var before = vec4f(LOWEST, LOWEST, 0.0, 0.0);
  var sums = vec2f();
  var shift = own_maximum - maximum;
  if (params.first_column > 0u) {
    before = state[2u * row];
    sums = state[2u * row + 1u].xy * exp(before.x - maximum);
    shift = state[2u * row + 1u].z;
  }

  var mine = vec4f(0.0, 0.0, NOWHERE, NOWHERE);
  for (var c = lane; c < params.n; c += WORKGROUP_SIZE) {
    let x = dense[start + c];
    let y = own[start + c];
    let places = vec2f(
      place_of(x, maximum, params.first_column + c),
      place_of(y, own_maximum, params.first_column + c)
    );
    mine = vec4f(mine.xy + compared(x, y, maximum, shift), min(mine.zw, places));
  }
  partials[lane] = mine;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      let other = partials[lane + half];
      partials[lane] = vec4f(partials[lane].xy + other.xy, min(partials[lane].zw, other.zw));
    }
    workgroupBarrier();
  }

  if (lane == 0u && group < params.rows) {
    let found = partials[0];
    if (params.first_column == 0u || maximum > before.x) {
      before.z = found.z;
    }
    if (params.first_column == 0u || own_maximum > before.y) {
      before.w = found.w;
    }
    state[2u * row] = vec4f(maximum, own_maximum, before.zw);
    state[2u * row + 1u] = vec4f(sums + found.xy, shift, 0.0);
  }
}
