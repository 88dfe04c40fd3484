// Decides on the device whether the iteration is over, from norms (n) as jacobi_column_norms writes them.
// status: [0] bits of the largest |entry|; [1] 1 when over, and then all kernels return at once; [2] sweeps done;
// [3] ‖off(A)‖_F; [4] ‖A‖_F, from the check before the first sweep; [5] Σ a_ij²/(d_i·d_j), its root (f32 bits);
// [6] sweeps spent on polishing.
// Over when off(A) ≤ tolerance·‖A‖_F and the scaled measure is small too; but a matrix of low rank has only noise below its
// rank, so at most POLISHING sweeps are spent on that. One workgroup.

const POLISHING: u32 = 2;

struct Params {
  n: u32,
  sweeps: u32,
  tolerance: f32,
  scaled_tolerance: f32,
}

@group(0) @binding(0) var<storage, read> norms: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> status: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 32;

var<workgroup> partial: array<vec4f, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec4f();
  for (var column = lane; column < params.n; column += WORKGROUP_SIZE) {
    sum += norms[column];
  }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane != 0 || status[1] != 0) {
    return;
  }
  for (var i = 1u; i < WORKGROUP_SIZE; i++) {
    sum += partial[i];
  }
  let off = sqrt(sum.x);
  let scaled = sqrt(sum.z);
  if (params.sweeps == 0) {
    status[4] = bitcast<u32>(sqrt(sum.x + sum.y));
  }
  status[2] = params.sweeps;
  status[3] = bitcast<u32>(off);
  status[5] = bitcast<u32>(scaled);
  if (status[0] >= 0x7f800000) {
    status[1] = 1;
  } else if (off <= params.tolerance * bitcast<f32>(status[4])) {
    if (scaled <= params.scaled_tolerance || status[6] == POLISHING) {
      status[1] = 1;
    } else {
      status[6]++;
    }
  }
}
