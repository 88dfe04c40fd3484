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
}

@group(0) @binding(0) var<storage, read> status: array<u32>;
@group(0) @binding(1) var<storage, read_write> matrix: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> rotations: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> is_active: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 32;

var<workgroup> subproblem: array<f32, 1056>;
// Wᵀ: row c is column c of W.
var<workgroup> columns: array<vec4f, 256>;
// (s, τ) of the 16 rotations of a step.
var<workgroup> angles: array<vec2f, 16>;
var<workgroup> order: array<u32, 32>;
var<workgroup> rotation_count: atomic<u32>;
var<workgroup> last_count: u32;

// The two players that meet in `pair` of `round`, ascending: the last player stays, the others move round a circle.
fn meeting(players: u32, round: u32, pair: u32) -> vec2u {
  let others = players - 1;
  let a = select((round + pair) % others, others, pair == 0);
  let b = (round + others - pair) % others;
  return vec2u(min(a, b), max(a, b));
}

fn subproblem_row(blocks: vec2u, i: u32) -> u32 {
  return select(blocks.x, blocks.y, i >= BLOCK) * BLOCK + i % BLOCK;
}

fn rotate_pair(pair: vec2u, threshold: f32) -> vec2f {
  let pp = pair.x * STRIDE + pair.x;
  let pq = pair.x * STRIDE + pair.y;
  let qp = pair.y * STRIDE + pair.x;
  let qq = pair.y * STRIDE + pair.y;
  let a = subproblem[pp];
  let b = subproblem[pq];
  let d = subproblem[qq];
  if (abs(b) <= threshold) {
    return vec2f(0);
  }
  let theta = (d - a) / (2 * b);
  let t = select(1.0, -1.0, theta < 0) / (abs(theta) + sqrt(theta * theta + 1));
  let c = 1 / sqrt(t * t + 1);
  let s = t * c;
  subproblem[pp] = a - t * b;
  subproblem[qq] = d + t * b;
  subproblem[pq] = 0;
  subproblem[qp] = 0;
  atomicAdd(&rotation_count, 1);
  return vec2f(s, s / (1 + c));
}

// Two-sided rotation of the 2×2 block (rows of pair i, columns of pair j) and of its mirror image.
fn rotate_block(pair_i: vec2u, pair_j: vec2u, angle_i: vec2f, angle_j: vec2f) {
  let upper = vec2f(subproblem[pair_i.x * STRIDE + pair_j.x], subproblem[pair_i.x * STRIDE + pair_j.y]);
  let lower = vec2f(subproblem[pair_i.y * STRIDE + pair_j.x], subproblem[pair_i.y * STRIDE + pair_j.y]);
  let p = upper - angle_i.x * (lower + angle_i.y * upper);
  let q = lower + angle_i.x * (upper - angle_i.y * lower);
  let left = vec2f(p.x, q.x);
  let right = vec2f(p.y, q.y);
  let x = left - angle_j.x * (right + angle_j.y * left);
  let y = right + angle_j.x * (left - angle_j.y * right);
  subproblem[pair_i.x * STRIDE + pair_j.x] = x.x;
  subproblem[pair_i.y * STRIDE + pair_j.x] = x.y;
  subproblem[pair_i.x * STRIDE + pair_j.y] = y.x;
  subproblem[pair_i.y * STRIDE + pair_j.y] = y.y;
  subproblem[pair_j.x * STRIDE + pair_i.x] = x.x;
  subproblem[pair_j.x * STRIDE + pair_i.y] = x.y;
  subproblem[pair_j.y * STRIDE + pair_i.x] = y.x;
  subproblem[pair_j.y * STRIDE + pair_i.y] = y.y;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (status[1] != 0) {
    return;
  }
  let pair = workgroup.x;
  let blocks = meeting(params.size / BLOCK, params.round, pair);
  let row_vectors = params.size / 4;
  for (var item = lane; item < M * M / 4; item += WORKGROUP_SIZE) {
    let i = item / 8;
    let j = item % 8 * 4;
    let value = matrix[subproblem_row(blocks, i) * row_vectors + subproblem_row(blocks, j) / 4];
    let at = i * STRIDE + j;
    subproblem[at] = value.x;
    subproblem[at + 1] = value.y;
    subproblem[at + 2] = value.z;
    subproblem[at + 3] = value.w;
    let offset = vec4u(j, j + 1, j + 2, j + 3);
    columns[item] = select(vec4f(0), vec4f(1), offset == vec4u(i));
  }
  let threshold = params.threshold * bitcast<f32>(status[4]);
  var total = 0u;
  for (var sweep = 0u; sweep < params.inner_sweeps; sweep++) {
    for (var step = 0u; step < M - 1; step++) {
      workgroupBarrier();
      for (var k = lane; k < M / 2; k += WORKGROUP_SIZE) {
        angles[k] = rotate_pair(meeting(M, step, k), threshold);
      }
      workgroupBarrier();
      // 120 blocks above the diagonal, then 16 pairs × 8 vectors of Wᵀ.
      for (var item = lane; item < 120; item += WORKGROUP_SIZE) {
        let i = item % 16;
        let j = (i + item / 16 + 1) % 16;
        let angle_i = angles[i];
        let angle_j = angles[j];
        if (angle_i.x != 0 || angle_j.x != 0) {
          rotate_block(meeting(M, step, i), meeting(M, step, j), angle_i, angle_j);
        }
      }
      for (var item = lane; item < 128; item += WORKGROUP_SIZE) {
        let angle = angles[item / 8];
        if (angle.x != 0) {
          let both = meeting(M, step, item / 8) * 8 + item % 8;
          let x = columns[both.x];
          let y = columns[both.y];
          columns[both.x] = x - angle.x * (y + angle.y * x);
          columns[both.y] = y + angle.x * (x - angle.y * y);
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
    let value = subproblem[i * STRIDE + i];
    var rank = 0u;
    for (var j = 0u; j < M; j++) {
      let other = subproblem[j * STRIDE + j];
      rank += select(0u, 1u, other > value || (other == value && j < i));
    }
    order[rank] = i;
  }
  workgroupBarrier();
  for (var item = lane; item < M * M / 4; item += WORKGROUP_SIZE) {
    let i = item / 8;
    let j = item % 8 * 4;
    let source = vec4u(order[j], order[j + 1], order[j + 2], order[j + 3]);
    let row = order[i] * STRIDE;
    matrix[subproblem_row(blocks, i) * row_vectors + subproblem_row(blocks, j) / 4] = vec4f(
      subproblem[row + source.x],
      subproblem[row + source.y],
      subproblem[row + source.z],
      subproblem[row + source.w],
    );
    rotations[pair * 256 + item] = vec4f(
      columns[source.x * 8 + i / 4][i % 4],
      columns[source.y * 8 + i / 4][i % 4],
      columns[source.z * 8 + i / 4][i % 4],
      columns[source.w * 8 + i / 4][i % 4],
    );
  }
}
