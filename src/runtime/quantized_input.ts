/** @file Rounding what a linear reads, as its {@link InputQuantization} says: integer codes times their scale, as floats. */
import type { Tensor } from '../backend/backend.ts';
import { WhittleError } from '../errors/errors.ts';
import { type InputQuantization, inputLevels } from '../models/input_quantization.ts';
import type { Arena } from './arena.ts';

/** {@link InputQuantization} with its grid on the device, (columns) each. */
export interface DeviceInput {
  readonly spec: InputQuantization;
  readonly scale?: Tensor;
  readonly zero?: Tensor;
}

export function deviceInput(arena: Arena, spec: InputQuantization, columns: number): DeviceInput {
  if (spec.kind === 'token') return { spec };
  const { grid } = spec;
  if (!grid) throw new WhittleError({ code: 'internal', message: 'An input is rounded in clusters without a grid.' });
  const spread = (values: readonly number[], name: string) =>
    arena.own(
      arena.backend.fromArray(
        Float32Array.from(grid.cluster, (cluster) => values[cluster]),
        [columns],
        name,
      ),
    );
  return { spec, scale: spread(grid.scale, 'input_scale'), zero: spread(grid.zero, 'input_zero') };
}

export function freeDeviceInput(arena: Arena, input: DeviceInput | undefined): void {
  if (input?.scale && input.zero) arena.free(input.scale, input.zero);
}

/** Whether two linears round the same input alike. */
export function isRoundedAlike(a: InputQuantization, b: InputQuantization): boolean {
  if (a === b) return true;
  return a.kind === 'token' && b.kind === 'token' && a.bits === b.bits && a.keep_above === b.keep_above;
}

/**
 * The rounded states in a workspace tensor, which the next call of as many columns uses again.
 * @param seqlen Rows of a window.
 */
export function quantizedInput(
  arena: Arena,
  { spec, scale, zero }: DeviceInput,
  states: Tensor,
  seqlen: number,
): Tensor {
  const { backend } = arena;
  const levels = inputLevels(spec);
  const output = arena.workspace(`quantized_input_${states.shape[1]}`, states.shape);
  if (scale && zero) {
    backend.quantize_columns({ hidden_states: states, scale, zero, levels, output });
    return output;
  }
  const kept = spec.kind === 'token' && spec.keep_above !== undefined ? spec.keep_above : undefined;
  if (kept === undefined) {
    backend.quantize_rows({ hidden_states: states, levels, output });
    return output;
  }
  const outliers = arena.workspace('outlier_columns', [states.shape[0] / seqlen, states.shape[1]]);
  backend.outlier_columns({ hidden_states: states, threshold: kept, seqlen, output: outliers });
  backend.quantize_rows({ hidden_states: states, levels, kept: outliers, seqlen, output });
  return output;
}
