// What matmul_bt multiplies its product by while storing it: row_scale (m) with HAS_ROW_SCALE, act(gate) (m, n) with
// HAS_GATE, the act of common/activations.wgsl. Neither is read otherwise; gate is bound by the kernel.
override HAS_ROW_SCALE: u32 = 0;
override HAS_GATE: u32 = 0;

@group(0) @binding(2) var<storage, read> row_scale: array<f32>;
