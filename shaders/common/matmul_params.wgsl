// Sizes of a product, output (m, n), and the row lengths of a, b and output in elements; with accumulate ≠ 0 the product
// is added to output. factors: FACTOR_* of common/matmul_factor_counts.wgsl, for kernels that are not compiled for theirs.
// matmul_family.ts holds the host's side.

struct Params {
  m: u32,
  n: u32,
  k: u32,
  a_stride: u32,
  b_stride: u32,
  output_stride: u32,
  accumulate: u32,
  factors: u32,
}

@group(1) @binding(0) var<uniform> params: Params;
