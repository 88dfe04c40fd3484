// Rotary embedding (RoFormer, arXiv 2104.09864), in place, for each head: with t = row mod seqlen and i < half,
//   x[a] ← x[a] · cos[t, i] − x[b] · sin[t, i]
//   x[b] ← x[b] · cos[t, i] + x[a] · sin[t, i]
// where (a, b) = (i, i + half), rotate_half of Llama, or with INTERLEAVED (2i, 2i + 1), as in GPT-J. Elements of a head from
// 2·half on are left as they are.
// states (rows, heads · head_dim); cos, sin (≥ seqlen, half). One thread PAIRS neighbouring pairs of a head, a divisor of half.

struct Params {
  pairs: u32,
  seqlen: u32,
  heads: u32,
  head_dim: u32,
  half: u32,
}

@group(0) @binding(0) var<storage, read> cos_table: array<f32>;
@group(0) @binding(1) var<storage, read> sin_table: array<f32>;
@group(0) @binding(2) var<storage, read_write> states: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;
override INTERLEAVED: u32 = 0;
override PAIRS: u32 = 1; // more where a division costs more than a pair

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = ((group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane) * PAIRS;
  if (i >= params.pairs) {
    return;
  }
  let first = i % params.half;
  let head = i / params.half; // row · heads + head
  let position = (head / params.heads) % params.seqlen;
  for (var pair = first; pair < first + PAIRS; pair++) {
    let c = cos_table[position * params.half + pair];
    let s = sin_table[position * params.half + pair];
    var low = head * params.head_dim + pair;
    var high = low + params.half;
    if (INTERLEAVED == 1u) {
      low += pair;
      high = low + 1u;
    }
    let x = states[low];
    let y = states[high];
    states[low] = x * c - y * s;
    states[high] = y * c + x * s;
  }
}
