// Diagonalises one 32×32 subproblem per workgroup: the blocks (p, q) that meet in this round of the tournament.
// matrix (size, size) symmetric; rotations (pairs, 32, 32): W with WᵀSW nearly diagonal, columns by descending diagonal;
// is_active (pairs): 0 where S needed no rotation, and then W is not written. S itself is overwritten by WᵀSW.
// Cyclic Jacobi sweeps with 16 disjoint rotations a step; every 2×2 block of S belongs to one invocation, so a step has
// two barriers. Rotations have Rutishauser's form x − s(y + τx), τ = tan(θ/2): for small angles its departure from
// orthogonality is of the order s²·ulp, whatever the device's division and square root are worth.
// Golub & Van Loan, Matrix Computations, 4th ed., §8.5; block form §8.5.6; round-robin order after Brent & Luk (1985).

const BLOCK: u32 = 16;
const M: u32 = 32;
const STRIDE: u32 = 33;

struct Params {
  size: u32,
  round: u32,
  inner_sweeps: u32,
  threshold: f32,
  scaled_threshold: f32,
}

@group(0) @binding(0) var<storage, read> status: array<u32>;
@group(0) @binding(1) var<storage, read_write> matrix: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> rotations: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> is_active: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

// S; only entries on and above the diagonal are kept up to date.
var<workgroup> subproblem: array<f32, 1056>;
// Wᵀ: row c is column c of W.
var<workgroup> columns: array<vec4f, 256>;
// Of a step: who meets, and (s, τ) of their rotation.
var<workgroup> meetings: array<vec2u, 16>;
var<workgroup> angles: array<vec2f, 16>;
var<workgroup> order: array<u32, 32>;
var<workgroup> rotation_count: atomic<u32>;
var<workgroup> last_count: u32;

// The two players that meet as `pair` of `round`, ascending: the last player stays, the others move round a circle.
fn meeting(players: u32, round: u32, pair: u32) -> vec2u {
  let others = players - 1;
  var a = round + pair;
  a = select(a, a - others, a >= others);
  a = select(a, others, pair == 0);
  var b = round + others - pair;
  b = select(b, b - others, b >= others);
  return vec2u(min(a, b), max(a, b));
}

// Offset of S[i, j] or S[j, i], whichever is kept.
fn kept(i: u32, j: u32) -> u32 {
  return min(i, j) * STRIDE + max(i, j);
}

fn rotation(pair: vec2u, threshold: f32, scaled_threshold: f32) -> vec2f {
  let pp = pair.x * (STRIDE + 1);
  let pq = pair.x * STRIDE + pair.y;
  let qq = pair.y * (STRIDE + 1);
  let a = subproblem[pp];
  let b = subproblem[pq];
  let d = subproblem[qq];
  // Beside ‖A‖, and beside the two eigenvalues themselves: b counts if it exceeds both.
  if (abs(b) <= max(threshold, scaled_threshold * sqrt(abs(a * d)))) {
    return vec2f();
  }
  let theta = (d - a) / (2 * b);
  let t = select(1f, -1f, theta < 0) / (abs(theta) + sqrt(theta * theta + 1));
  let c = 1 / sqrt(t * t + 1);
  let s = t * c;
  subproblem[pp] = a - t * b;
  subproblem[qq] = d + t * b;
  subproblem[pq] = 0;
  atomicAdd(&rotation_count, 1);
  return vec2f(s, s / (1 + c));
}

// Two-sided rotation of the 2×2 block (rows of meeting i, columns of meeting j).
fn rotate_block(i: u32, j: u32) {
  let turn_i = angles[i];
  let turn_j = angles[j];
  if (turn_i.x == 0 && turn_j.x == 0) {
    return;
  }
  let pair_i = meetings[i];
  let pair_j = meetings[j];
  let at00 = kept(pair_i.x, pair_j.x);
  let at01 = kept(pair_i.x, pair_j.y);
  let at10 = kept(pair_i.y, pair_j.x);
  let at11 = kept(pair_i.y, pair_j.y);
  let upper = vec2f(subproblem[at00], subproblem[at01]);
  let lower = vec2f(subproblem[at10], subproblem[at11]);
  let p = upper - turn_i.x * (lower + turn_i.y * upper);
  let q = lower + turn_i.x * (upper - turn_i.y * lower);
  subproblem[at00] = p.x - turn_j.x * (p.y + turn_j.y * p.x);
  subproblem[at01] = p.y + turn_j.x * (p.x - turn_j.y * p.y);
  subproblem[at10] = q.x - turn_j.x * (q.y + turn_j.y * q.x);
  subproblem[at11] = q.y + turn_j.x * (q.x - turn_j.y * q.y);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (status[1] != 0) {
    return;
  }
  let pair = group_id.x;
  let row_vectors = params.size / 4;
  let blocks = meeting(params.size / BLOCK, params.round, pair);
  // Element (i, 4j) of S is word origin[i / 16, j / 4] + (i % 16)·row_vectors + j % 4 of the matrix.
  let first = blocks * BLOCK * row_vectors;
  let across = blocks * 4;
  for (var item = lane; item < 256; item += WORKGROUP_SIZE) {
    let i = item >> 3;
    let j = item & 7;
    let row = select(first.x, first.y, i >= BLOCK) + (i & 15) * row_vectors;
    let value = matrix[row + select(across.x, across.y, j >= 4) + (j & 3)];
    let at = i * STRIDE + j * 4;
    subproblem[at] = value.x;
    subproblem[at + 1] = value.y;
    subproblem[at + 2] = value.z;
    subproblem[at + 3] = value.w;
    columns[item] = select(vec4f(), vec4f(1), vec4u(0, 1, 2, 3) + j * 4 == vec4u(i));
  }
  let threshold = params.threshold * bitcast<f32>(status[4]);
  let scaled_threshold = params.scaled_threshold;
  let inner_sweeps = params.inner_sweeps;
  var total = 0u;
  for (var sweep = 0u; sweep < inner_sweeps; sweep++) {
    for (var step = 0u; step < M - 1; step++) {
      workgroupBarrier();
      for (var k = lane; k < 16; k += WORKGROUP_SIZE) {
        let players = meeting(M, step, k);
        meetings[k] = players;
        angles[k] = rotation(players, threshold, scaled_threshold);
      }
      workgroupBarrier();
      // The 120 blocks above the diagonal: distance 1 to 7 round a circle of 16, and half of those at distance 8.
      for (var item = lane; item < 120; item += WORKGROUP_SIZE) {
        let i = item & 15;
        rotate_block(i, (i + (item >> 4) + 1) & 15);
      }
      // 16 pairs of rows of Wᵀ, 8 vectors each.
      for (var item = lane; item < 128; item += WORKGROUP_SIZE) {
        let k = item >> 3;
        let turn = angles[k];
        if (turn.x != 0) {
          let both = meetings[k] * 8 + (item & 7);
          let x = columns[both.x];
          let y = columns[both.y];
          columns[both.x] = x - turn.x * (y + turn.y * x);
          columns[both.y] = y + turn.x * (x - turn.y * y);
        }
      }
    }
    workgroupBarrier();
    if (lane == 0) {
      last_count = atomicExchange(&rotation_count, 0);
    }
    let count = workgroupUniformLoad(&last_count);
    total += count;
    if (count == 0) {
      break;
    }
  }
  if (lane == 0) {
    is_active[pair] = total;
  }
  if (total == 0) {
    return;
  }
  for (var i = lane; i < M; i += WORKGROUP_SIZE) {
    let value = subproblem[i * (STRIDE + 1)];
    var rank = 0u;
    for (var j = 0u; j < M; j++) {
      let other = subproblem[j * (STRIDE + 1)];
      rank += select(0u, 1u, other > value || (other == value && j < i));
    }
    order[rank] = i;
  }
  workgroupBarrier();
  for (var item = lane; item < 256; item += WORKGROUP_SIZE) {
    let i = item >> 3;
    let j = item & 7;
    let players = vec4u(order[j * 4], order[j * 4 + 1], order[j * 4 + 2], order[j * 4 + 3]);
    let player = order[i];
    let row = select(first.x, first.y, i >= BLOCK) + (i & 15) * row_vectors;
    matrix[row + select(across.x, across.y, j >= 4) + (j & 3)] = vec4f(
      subproblem[kept(player, players.x)],
      subproblem[kept(player, players.y)],
      subproblem[kept(player, players.z)],
      subproblem[kept(player, players.w)],
    );
    let k = i >> 2;
    rotations[pair * 256 + item] = vec4f(
      columns[players.x * 8 + k][i & 3],
      columns[players.y * 8 + k][i & 3],
      columns[players.z * 8 + k][i & 3],
      columns[players.w * 8 + k][i & 3],
    );
  }
}
