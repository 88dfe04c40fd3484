/** @file Rounding as kernels do it. */

/** To the nearest whole number, halves to the even one (as WGSL's and ONNX's round); |x| < 2^51, NaN stays. */
export function roundEven(x: number): number {
  return x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;
}
