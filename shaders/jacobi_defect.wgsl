// gram = ½·(I − gram), in place: with gram = U·Uᵀ of nearly orthonormal rows, U + gram·U is one Newton–Schulz step towards
// the nearest orthogonal matrix (Higham, Functions of Matrices, §8.3). gram (size, size). One invocation an entry.

struct Params {
  size: u32,
}

@group(0) @binding(0) var<storage, read_write> gram: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = params.size;
  if (id.x >= size || id.y >= size) {
    return;
  }
  let at = id.y * size + id.x;
  gram[at] = 0.5 * (select(0f, 1f, id.x == id.y) - gram[at]);
}
