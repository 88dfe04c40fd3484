/** @file What the threads of a backend can do for the f64 solvers, by name. */
import { reflectorFactors, reflectRows } from './back_transform.ts';
import { choleskyPanel, finishRows, solveColumns } from './cholesky_tasks.ts';
import { solveParts } from './divide_and_conquer.ts';
import { solveEigenpairs } from './eigenpairs_task.ts';
import { measureFigures } from './figures_task.ts';
import { symmetricProduct, updatePanel } from './reduction_tasks.ts';
import { rootsOf, vectorsOf } from './secular.ts';
import type { LinalgTaskName, LinalgTasks, RangeWork } from './shared_work.ts';
import { invertParts, joinInverse } from './triangular.ts';
import { writeVectors } from './write_vectors.ts';

export const LINALG_TASKS: { readonly [K in LinalgTaskName]: RangeWork<LinalgTasks[K]> } = {
  eigenpairs: solveEigenpairs,
  symmetric_product: symmetricProduct,
  panel_update: updatePanel,
  tridiagonal_parts: solveParts,
  reflector_factors: reflectorFactors,
  reflect_rows: reflectRows,
  write_vectors: writeVectors,
  decomposition_figures: measureFigures,
  secular_roots: rootsOf,
  secular_vectors: vectorsOf,
  cholesky_panel: choleskyPanel,
  finish_rows: finishRows,
  solve_columns: solveColumns,
  inverse_parts: invertParts,
  inverse_join: joinInverse,
};
