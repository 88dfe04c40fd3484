// Accumulates the rotations in place: columns of the pair J of `vectors` become V[:, J]·W_J.
// vectors (size, size); rotations (pairs, 32, 32); is_active (pairs): 0 where W is the identity.
// A workgroup of 4×16 owns 128 rows of one pair's 32 columns; an invocation computes 8×8 in registers. All have read
// before any writes: one barrier.

const BLOCK: u32 = 16;

struct Params {
  size: u32,
  round: u32,
}

@group(0) @binding(0) var<storage, read> status: array<u32>;
@group(0) @binding(1) var<storage, read> rotations: array<vec4f>;
@group(0) @binding(2) var<storage, read> is_active: array<u32>;
@group(0) @binding(3) var<storage, read_write> vectors: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

fn meeting(players: u32, round: u32, pair: u32) -> vec2u {
  let others = players - 1;
  let a = select((round + pair) % others, others, pair == 0);
  let b = (round + others - pair) % others;
  return vec2u(min(a, b), max(a, b));
}

fn element(blocks: vec2u, i: u32) -> u32 {
  return select(blocks.x, blocks.y, i >= BLOCK) * BLOCK + i % BLOCK;
}

@compute @workgroup_size(4, 16)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_id) local: vec3u) {
  if (status[1] != 0 || is_active[workgroup.x] == 0) {
    return;
  }
  let pair = workgroup.x;
  let columns = meeting(params.size / BLOCK, params.round, pair);
  let row_vectors = params.size / 4;
  let first_row = (workgroup.y * 16 + local.y) * 8;
  let is_inside = first_row < params.size;
  var left: array<vec4f, 8>;
  var right: array<vec4f, 8>;
  if (is_inside) {
    for (var k = 0u; k < 8; k++) {
      let column = element(columns, k * 4) / 4;
      let w = pair * 256 + k * 32 + local.x * 2;
      let w0 = rotations[w];
      let w1 = rotations[w + 8];
      let w2 = rotations[w + 16];
      let w3 = rotations[w + 24];
      let v0 = rotations[w + 1];
      let v1 = rotations[w + 9];
      let v2 = rotations[w + 17];
      let v3 = rotations[w + 25];
      for (var r = 0u; r < 8; r++) {
        let x = vectors[(first_row + r) * row_vectors + column];
        left[r] += x.x * w0 + x.y * w1 + x.z * w2 + x.w * w3;
        right[r] += x.x * v0 + x.y * v1 + x.z * v2 + x.w * v3;
      }
    }
  }
  storageBarrier();
  if (is_inside) {
    let first_column = element(columns, local.x * 8) / 4;
    for (var r = 0u; r < 8; r++) {
      let at = (first_row + r) * row_vectors + first_column;
      vectors[at] = left[r];
      vectors[at + 1] = right[r];
    }
  }
}
