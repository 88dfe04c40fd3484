/** @file Which ONNX Runtime a file asks for. Found by running exports of each precision in each version (docs/compatibility.md). */
import type { Precision } from './precision.ts';

/** Older ones were not tried: 1.20 is the oldest for Python 3.11 that still installs beside today's packages. */
const OLDEST_TRIED = '1.20';

/** The oldest ONNX Runtime that runs exports of this precision. MatMulNBits takes 8 bits from 1.23 on. */
export function oldestRuntime(precision: Precision): string {
  return precision === 'int8' ? '1.23' : OLDEST_TRIED;
}
