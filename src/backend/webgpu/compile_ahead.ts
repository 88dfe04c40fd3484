/**
 * @file Kernels that software adapters take long to compile, a tenth of a second to half of one each on one thread, and that nearly every
 * job needs: compiled beside the opening of a model, which leaves a processor idle.
 */
import type { GpuContext } from './context.ts';
import { SOFTWARE_COLUMN } from './eigh_tridiagonal.ts';
import type { KernelDefinition } from './kernel.ts';
import { attentionPanelKernel } from './kernels/attention.ts';
import { compareLogitsSerialKernel } from './kernels/compare_logits.ts';
import { covarianceSubgroupKernel } from './kernels/covariance.ts';
import { matmulSubgroupKernel } from './kernels/matmul.ts';
import { matmulAtSubgroupKernel } from './kernels/matmul_at.ts';
import { matmulBtSubgroupKernel } from './kernels/matmul_bt.ts';
import { anyFactors } from './kernels/matmul_family.ts';
import { rmsNormSerialKernel } from './kernels/rms_norm.ts';
import { tridiagonalColumnKernel } from './kernels/tridiagonal_column.ts';
import { tridiagonalProductKernel } from './kernels/tridiagonal_product.ts';
import { tridiagonalProjectSubgroupKernel } from './kernels/tridiagonal_project.ts';
import { tridiagonalReduceKernel } from './kernels/tridiagonal_reduce.ts';
import { tridiagonalUpdateSubgroupKernel } from './kernels/tridiagonal_update.ts';

type Overrides = Readonly<Record<string, number>>;

/** With the overrides that are not the kernel's own. */
type Ahead = readonly [definition: KernelDefinition, overrides: Overrides];

function ahead({ definition }: { readonly definition: unknown }, overrides: Overrides = {}): Ahead {
  return [definition as KernelDefinition, overrides];
}

const FORWARD = [
  ahead(matmulBtSubgroupKernel, anyFactors({})),
  // Of heads of 32 only: other models have it compiled for nothing, which costs a quarter of a second of one thread.
  ahead(attentionPanelKernel),
  ahead(rmsNormSerialKernel, { HAS_WEIGHT: 1 }),
];

/** Of a calibration, and of what it makes. */
const CALIBRATION = [
  ahead(covarianceSubgroupKernel),
  ahead(tridiagonalProductKernel, SOFTWARE_COLUMN.product),
  ahead(tridiagonalReduceKernel, SOFTWARE_COLUMN.reduce),
  ahead(tridiagonalColumnKernel, SOFTWARE_COLUMN.column),
  ahead(tridiagonalUpdateSubgroupKernel),
  ahead(tridiagonalProjectSubgroupKernel),
  ahead(matmulSubgroupKernel),
  ahead(matmulAtSubgroupKernel),
  ahead(compareLogitsSerialKernel),
];

/** Names of kernels. */
export const COMPILED_AHEAD = [...FORWARD, ...CALIBRATION].map(([{ name }]) => name);

export interface Compiling {
  /** Once those of the forward pass are there, which come first. */
  readonly forward: Promise<void>;
  readonly all: Promise<void>;
}

/** Nothing is compiled where a GPU takes other kernels. Neither promise is rejected: what does not compile is told by its first use. */
export function compileAhead(context: GpuContext): Compiling {
  const compile = async (kernels: readonly Ahead[]) => {
    if (!context.prefersWideTiles) return;
    await Promise.allSettled(
      kernels.map(([kernel, overrides]) => context.compile(kernel, { ...kernel.overrides, ...overrides })),
    );
  };
  const forward = compile(FORWARD);
  return { forward, all: forward.then(() => compile(CALIBRATION)) };
}
