/** @file `--heal`: one recipe that slices much and heals it, in place of whatever else was asked for, on the faster backend. */

export const HEAL_SPEC = { heal: { type: 'boolean' } } as const;

/** Few steps: it shows what healing does, in under three minutes of the built-in model on two cores. */
export const HEALING = 'slicegpt:sparsity=0.5; recover; heal:steps=30,lr=0.002';
const SAMPLES = '64';

export const HEAL_USAGE = `  --heal                   slices and heals, and does nothing else:
                           ${HEALING}
                           with ${SAMPLES} calibration windows, on the faster backend
`;

interface Given {
  heal?: boolean;
  recipe?: string[];
  samples?: string;
  sparsity?: string;
  backend?: string;
  'target-size'?: string;
  'repeat-on'?: string;
}

/** Options as given, or as `--heal` has them. */
export function withHealing<G extends Given>(given: G): G {
  if (!given.heal) return given;
  return {
    ...given,
    recipe: given.recipe ?? [HEALING],
    samples: given.samples ?? SAMPLES,
    sparsity: undefined,
    // Of WebGPU and the CPU backend; a software adapter is none.
    backend: given.backend === 'cpu' ? 'cpu' : 'auto',
    'target-size': undefined,
    'repeat-on': undefined,
  };
}
