// What the host reads in one go: summary = status (8 words), then the bits of the diagonal of matrix (size, size).

struct Params {
  size: u32,
}

@group(0) @binding(0) var<storage, read> status: array<u32>;
@group(0) @binding(1) var<storage, read> matrix: array<u32>;
@group(0) @binding(2) var<storage, read_write> summary: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i < 8) {
    summary[i] = status[i];
  }
  if (i < params.size) {
    summary[8 + i] = matrix[i * params.size + i];
  }
}
