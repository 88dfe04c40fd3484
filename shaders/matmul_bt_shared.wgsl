// output = row_scale ⊙ (a · bᵀ) ⊙ act(gate): matmul_bt.wgsl with both sides in workgroup memory, for adapters on which that
// is faster (autotune.ts). Operands, sizes and strides as there. Accumulates in f32, in order of k: see common/tile_8x8_shared.wgsl.

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  compute_shared_tile(group.y * 8u * WORKGROUP_Y, group.x * 2u * WORKGROUP_X, local.xy, params.k / 4u);
}
