/** @file Derivatives of the activation functions in f64. */
import type { ActivationName } from '../backend.ts';
import { erf } from './activations.ts';

const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const SQRT_2_PI = Math.sqrt(2 * Math.PI);

export const ACTIVATION_SLOPES: Readonly<Record<ActivationName, (x: number) => number>> = {
  silu(x) {
    const sigmoid = 1 / (1 + Math.exp(-x));
    return sigmoid * (1 + x * (1 - sigmoid));
  },
  // 0 at 0, as in PyTorch.
  relu: (x) => (x > 0 ? 1 : Number.isNaN(x) ? x : 0),
  gelu: (x) => 0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp((-x * x) / 2)) / SQRT_2_PI,
  gelu_tanh(x) {
    const t = Math.tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * SQRT_2_OVER_PI * (1 + 3 * 0.044715 * x * x);
  },
  relu2: (x) => 2 * Math.max(0, x),
};
