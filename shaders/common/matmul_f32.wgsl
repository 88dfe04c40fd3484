// Operands of a product of any sizes, row-major.

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

fn store(row: u32, col: u32, sum: f32) {
  let at = row * params.output_stride + col;
  if (params.accumulate == 0u) {
    output[at] = sum;
  } else {
    output[at] = output[at] + sum;
  }
}
