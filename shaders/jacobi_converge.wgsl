// Decides on the device whether the iteration is over, from norms (n): (off-diagonal, diagonal) sums of squares by column.
// status: [0] bits of the largest |entry|; [1] 1 when over, and then all kernels return at once; [2] sweeps done;
// [3] ‖off(A)‖_F; [4] ‖A‖_F, from the check before the first sweep (f32 bits). One workgroup.

struct Params {
  n: u32,
  sweeps: u32,
  tolerance: f32,
}

@group(0) @binding(0) var<storage, read> norms: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> status: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 32;

var<workgroup> partial: array<vec2f, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2f(0);
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
  if (params.sweeps == 0) {
    status[4] = bitcast<u32>(sqrt(sum.x + sum.y));
  }
  let is_finite = status[0] < 0x7f800000;
  status[1] = select(0u, 1u, !is_finite || off <= params.tolerance * bitcast<f32>(status[4]));
  status[2] = params.sweeps;
  status[3] = bitcast<u32>(off);
}
