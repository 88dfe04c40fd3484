// output = row_scale ⊙ (a · bᵀ) ⊙ act(gate) for few rows of a, with b of which two of every four inputs are stored, and never
// written with their zeros: see common/sparse_2_4.wgsl and common/few_rows.wgsl.
// a (m, k), output (m, output_stride), row-major; its columns 0 … n, as bound, belong to rows first_output … of b.

struct Params {
  m: u32,
  n: u32,
  k: u32,
  output_stride: u32,
  accumulate: u32,
  first_output: u32,
  places_at: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read> gate: array<f32>; // rows as long as those of output
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES, OUTPUTS)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_id) local: vec3u) {
  multiply_few_rows(group_id, local);
}
