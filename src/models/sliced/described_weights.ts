/** @file What a description names, taken from a checkpoint and checked: weights, linears, norms. */
import type { WhittleError } from '../../errors/errors.ts';
import type { Checkpoint } from '../../formats/checkpoint.ts';
import { bad } from '../../formats/hf/config.ts';
import type { Shape } from '../../tensor/shape.ts';
import { WeightPicker } from '../build/weight_picker.ts';
import type { Linear, Norm, WeightRef } from '../decoder_model.ts';
import type { InputQuantization } from '../input_quantization.ts';
import {
  DESCRIPTION_FIELD,
  type DecoderDescription,
  type LinearDescription,
  type NormDescription,
} from './description.ts';

export class DescribedWeights {
  readonly picker: WeightPicker;
  private readonly refs = new Map<string, WeightRef>();

  constructor(
    readonly description: DecoderDescription,
    private readonly checkpoint: Checkpoint,
    private readonly file: string,
  ) {
    this.picker = new WeightPicker(checkpoint);
  }

  /** The weight of a name, the same object every time. Throws `missing_tensor`, `shape_mismatch`. */
  take(name: string, expected: Shape): WeightRef {
    // Checked again where a tensor has a second use: it may need another shape there.
    const ref = this.picker.take(name, expected);
    const known = this.refs.get(name) ?? ref;
    this.refs.set(name, known);
    return known;
  }

  /** A matrix that changes the size of the stream: its rows are known, its columns are what it has. */
  takeProjection(name: string, rows: number): WeightRef {
    return this.take(name, [rows, this.columnsOf(name)]);
  }

  /** Columns that a matrix has; for one that is missing or no matrix anything, because {@link take} will refuse it. */
  columnsOf(name: string): number {
    return this.checkpoint.tensors.get(name)?.shape[1] || this.description.config.hidden_size;
  }

  rowsOf(name: string): number {
    return this.checkpoint.tensors.get(name)?.shape[0] || 1;
  }

  linear({ weight, bias, input }: LinearDescription, out: number, inputs: number): Linear {
    return {
      weight: this.take(weight, [out, inputs]),
      ...(bias !== undefined && { bias: this.take(bias, [out]) }),
      ...(input !== undefined && { input: this.input(input, weight, inputs) }),
    };
  }

  /** Throws `bad_config` for a grid that is not one of so many inputs. */
  private input(index: number, weight: string, columns: number): InputQuantization {
    const { inputs = [] } = this.description;
    const found = inputs[index];
    if (!found)
      throw this.contradiction('inputs', `${weight} has the input ${index}.`, `an index below ${inputs.length}`);
    if (found.kind === 'token') return found;
    const { clusters, grid } = found;
    const odd = grid.cluster.find((cluster) => cluster >= clusters);
    if (
      grid.cluster.length === columns &&
      odd === undefined &&
      [grid.scale, grid.zero].every(({ length }) => length === clusters)
    )
      return found;
    const what =
      odd === undefined ? `${grid.cluster.length} inputs in ${grid.scale.length} clusters` : `the cluster ${odd}`;
    throw this.contradiction(`inputs.${index}.grid`, `It has ${what}.`, `${columns} inputs in ${clusters} clusters`);
  }

  /** A norm of the residual stream divides by the original hidden size, however few columns are left. */
  streamNorm(from: NormDescription, place: string, width: number): Norm {
    const { hidden_size } = this.description.config;
    return this.norm(from, place, width, [hidden_size]);
  }

  /** A norm of queries or keys: over one head, or over all. */
  headNorm(from: NormDescription, place: string, head_dim: number, all: number): Norm {
    if (from.heads !== undefined && (from.heads * head_dim !== all || from.normalized_size !== head_dim)) {
      const found = `heads is ${from.heads}, and each has ${from.normalized_size} elements.`;
      throw this.contradiction(`${place}.heads`, found, `${all / head_dim} heads of ${head_dim}`);
    }
    return this.norm(from, place, from.normalized_size, [head_dim, all]);
  }

  private norm(from: NormDescription, place: string, width: number, sizes: readonly number[]): Norm {
    const { weight, bias, ...rest } = from;
    if (!sizes.includes(from.normalized_size)) {
      const found = `normalized_size is ${from.normalized_size}.`;
      throw this.contradiction(`${place}.normalized_size`, found, [...new Set(sizes)].join(' or '));
    }
    if (from.kind === 'layer_norm' && width !== from.normalized_size) {
      const found = `A LayerNorm of ${from.normalized_size} elements reads ${width}.`;
      throw this.contradiction(`${place}.kind`, found, 'rms_norm where the residual stream is sliced');
    }
    const shape = from.heads === undefined ? [width] : [from.heads, width];
    return {
      ...rest,
      ...(weight !== undefined && { weight: this.take(weight, shape) }),
      ...(bias !== undefined && { bias: this.take(bias, shape) }),
    };
  }

  /** @param field Below `whittle.decoder`. */
  contradiction(field: string, message: string, allowed: string): WhittleError {
    return bad(this.file, message, `${DESCRIPTION_FIELD}.${field}`, allowed);
  }
}
