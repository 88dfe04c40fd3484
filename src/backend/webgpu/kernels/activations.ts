/** @file How the host names the functions of shaders/common/activations.wgsl. */
import type { ActivationName } from '../../backend.ts';

/** Values of the override ACTIVATION. */
export const ACTIVATION_CODES: Readonly<Record<ActivationName, number>> = {
  silu: 0,
  relu: 1,
  gelu: 2,
  gelu_tanh: 3,
  relu2: 4,
};
