/** @file f64 twin of shaders/tridiagonal_project.wgsl and tridiagonal_project_subgroup.wgsl. */

export interface ProjectSizes {
  m: number;
  n: number;
  rows: number;
  first: number;
  source_stride: number;
  source_column: number;
  reflector_stride: number;
  reflector_column: number;
}

/** (m, n): Σ_{r ≥ first} source[r, source_column + c]·reflectors[r, reflector_column + k]. */
export function tridiagonal_project(
  source: ArrayLike<number>,
  reflectors: ArrayLike<number>,
  { m, n, rows, first, source_stride, source_column, reflector_stride, reflector_column }: ProjectSizes,
): Float64Array {
  const output = new Float64Array(m * n);
  for (let r = first; r < rows; r++) {
    for (let c = 0; c < m; c++) {
      const value = source[r * source_stride + source_column + c];
      for (let k = 0; k < n; k++) output[c * n + k] += value * reflectors[r * reflector_stride + reflector_column + k];
    }
  }
  return output;
}
