// Two-sided update of the symmetric matrix in place: tile (I, J) of two block pairs becomes W_Iᵀ·tile·W_J, and its mirror
// image (J, I) the transpose. Diagonal tiles were written by jacobi_solve.
// matrix (size, size); rotations (pairs, 32, 32); is_active (pairs): 0 where W is the identity.
// A workgroup of 4×16 owns four 32×32 tiles; an invocation computes 8×8 of a tile in registers, once per side. A tile has
// one owner, so barriers within the workgroup suffice.

const BLOCK: u32 = 16;

struct Params {
  size: u32,
  round: u32,
}

@group(0) @binding(0) var<storage, read> status: array<u32>;
@group(0) @binding(1) var<storage, read> rotations: array<vec4f>;
@group(0) @binding(2) var<storage, read> is_active: array<u32>;
@group(0) @binding(3) var<storage, read_write> matrix: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

fn meeting(players: u32, round: u32, pair: u32) -> vec2u {
  let others = players - 1;
  let a = select((round + pair) % others, others, pair == 0);
  let b = (round + others - pair) % others;
  return vec2u(min(a, b), max(a, b));
}

// Row (or column) of the whole matrix for element i of a pair's 32.
fn element(blocks: vec2u, i: u32) -> u32 {
  return select(blocks.x, blocks.y, i >= BLOCK) * BLOCK + i % BLOCK;
}

@compute @workgroup_size(4, 16)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  if (status[1] != 0) {
    return;
  }
  let players = params.size / BLOCK;
  let pairs = players / 2;
  let row_vectors = params.size / 4;
  let tile = (workgroup.x + workgroup.y * workgroups.x) * 4 + local.y / 4;
  // Each unordered pair of distinct pairs once: distance 1, 2, … round a circle.
  let pair_i = tile % pairs;
  let pair_j = (pair_i + tile / pairs + 1) % pairs;
  let is_tile = tile < pairs * (pairs - 1) / 2;
  let turns_rows = is_tile && is_active[pair_i] != 0;
  let turns_columns = is_tile && is_active[pair_j] != 0;
  let rows = meeting(players, params.round, pair_i);
  let columns = meeting(players, params.round, pair_j);
  let strip = local.y % 4 * 8;
  let first_row = element(rows, strip);
  let first_column = element(columns, local.x * 8) / 4;

  var left: array<vec4f, 8>;
  var right: array<vec4f, 8>;
  if (turns_columns) {
    for (var k = 0u; k < 8; k++) {
      let column = element(columns, k * 4) / 4;
      let w = pair_j * 256 + k * 32 + local.x * 2;
      let w0 = rotations[w];
      let w1 = rotations[w + 8];
      let w2 = rotations[w + 16];
      let w3 = rotations[w + 24];
      let v0 = rotations[w + 1];
      let v1 = rotations[w + 9];
      let v2 = rotations[w + 17];
      let v3 = rotations[w + 25];
      for (var r = 0u; r < 8; r++) {
        let x = matrix[(first_row + r) * row_vectors + column];
        left[r] += x.x * w0 + x.y * w1 + x.z * w2 + x.w * w3;
        right[r] += x.x * v0 + x.y * v1 + x.z * v2 + x.w * v3;
      }
    }
  }
  storageBarrier();
  if (turns_columns) {
    for (var r = 0u; r < 8; r++) {
      let at = (first_row + r) * row_vectors + first_column;
      matrix[at] = left[r];
      matrix[at + 1] = right[r];
    }
  }
  storageBarrier();
  if (turns_rows) {
    for (var r = 0u; r < 8; r++) {
      left[r] = vec4f(0);
      right[r] = vec4f(0);
    }
    for (var k = 0u; k < 32; k++) {
      let at = element(rows, k) * row_vectors + first_column;
      let x = matrix[at];
      let y = matrix[at + 1];
      let w = pair_i * 256 + k * 8 + strip / 4;
      let w0 = rotations[w];
      let w1 = rotations[w + 1];
      left[0] += w0.x * x;
      right[0] += w0.x * y;
      left[1] += w0.y * x;
      right[1] += w0.y * y;
      left[2] += w0.z * x;
      right[2] += w0.z * y;
      left[3] += w0.w * x;
      right[3] += w0.w * y;
      left[4] += w1.x * x;
      right[4] += w1.x * y;
      left[5] += w1.y * x;
      right[5] += w1.y * y;
      left[6] += w1.z * x;
      right[6] += w1.z * y;
      left[7] += w1.w * x;
      right[7] += w1.w * y;
    }
  }
  storageBarrier();
  if (turns_rows) {
    for (var r = 0u; r < 8; r++) {
      let at = (first_row + r) * row_vectors + first_column;
      matrix[at] = left[r];
      matrix[at + 1] = right[r];
    }
  }
  if (turns_rows || turns_columns) {
    for (var c = 0u; c < 4; c++) {
      let at = (first_column * 4 + c) * row_vectors + first_row / 4;
      matrix[at] = vec4f(left[0][c], left[1][c], left[2][c], left[3][c]);
      matrix[at + 1] = vec4f(left[4][c], left[5][c], left[6][c], left[7][c]);
      let below = at + 4 * row_vectors;
      matrix[below] = vec4f(right[0][c], right[1][c], right[2][c], right[3][c]);
      matrix[below + 1] = vec4f(right[4][c], right[5][c], right[6][c], right[7][c]);
    }
  }
}
