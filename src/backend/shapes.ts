/**
 * @file Shape checks shared by every backend: one `checkX` a kernel, which throws `kernel_shape` and returns the sizes
 * and row strides (in elements) that the kernel works with. Both backends accept exactly the same calls.
 *
 * Vectors (norm weights, biases, scales) may be `(d)` or `(1, d)`: only their element count matters. An output is never
 * one of the inputs unless the kernel's arguments say so, because WebGPU forbids such bindings.
 */
export * from './shapes/attention.ts';
export * from './shapes/elementwise.ts';
export * from './shapes/grids.ts';
export * from './shapes/matrices.ts';
export * from './shapes/norms.ts';
export * from './shapes/quantize.ts';
export * from './shapes/tensors.ts';
export * from './shapes/training.ts';
export * from './shapes/vocabulary.ts';
