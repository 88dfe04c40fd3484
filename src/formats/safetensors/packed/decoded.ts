/**
 * @file A checkpoint in which packed weights are tensors of their own: `X.weight` in the place of `X.qweight`, `X.scales` and so
 * on. Reading one decodes rows; what the file holds stays visible as `stored`.
 */
import { WhittleError } from '../../../errors/errors.ts';
import { encodeFromFloat } from '../../../tensor/half.ts';
import { elementCount, formatShape, type Shape } from '../../../tensor/shape.ts';
import type { Checkpoint, RowRange, TensorInfo } from '../../checkpoint.ts';
import { readIntegerRows, type StoredIntegers } from '../../integers.ts';
import { isActivationScale } from '../float8_scales.ts';

/** A weight (out, in), whatever layout the family stores its weights in. */
export interface DecodedWeight {
  readonly name: string;
  readonly shape: Shape;
  /** As sizes and labels show it. */
  readonly label: string;
  /** The stored tensors that it is made of, the first of which says where it lies. */
  readonly parts: readonly TensorInfo[];
  /** F32 of the numbers; absent: of `integers`. */
  rows?(range: RowRange): Promise<Float32Array>;
  readonly integers?: StoredIntegers;
}

/** Reads a weight's stored parts; called once a weight, when the model is opened. */
export type FindWeights = (parts: PartReader) => Promise<DecodedWeight[]>;

export async function withDecoded(checkpoint: Checkpoint, find: FindWeights): Promise<Checkpoint> {
  const weights = await find(new PartReader(checkpoint));
  if (weights.length === 0) return checkpoint;
  const tensors = new Map(checkpoint.tensors);
  for (const { parts } of weights) for (const { name } of parts) tensors.delete(name);
  // Activations are computed in floats.
  const modules = new Set(weights.map(({ name }) => name.replace(/\.weight$/, '')));
  for (const name of tensors.keys()) {
    if (isActivationScale(name) && modules.has(name.slice(0, name.lastIndexOf('.')))) tensors.delete(name);
  }
  const decoded = new Map<string, DecodedWeight>();
  for (const weight of weights) {
    const { name, shape, label, parts, integers } = weight;
    if (tensors.has(name)) throw stored(tensors.get(name)!, parts[0]);
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    tensors.set(name, {
      ...{ name, dtype: 'F32', shape, bytes: 4 * elementCount(shape), stored: { dtype: label, bytes }, out_in: true },
      ...(integers && isPackable(integers) && { integers }),
      file: parts[0].file,
    });
    decoded.set(name, weight);
  }
  return {
    ...checkpoint,
    tensors,
    async read(name, rows) {
      const found = decoded.get(name);
      if (!found) return checkpoint.read(name, rows);
      const range = rows ?? { start: 0, end: found.shape[0] };
      if (found.rows) return encodeFromFloat(await found.rows(range), 'F32');
      return readIntegerRows(found.integers!, range);
    },
  };
}

/** In as many bits as a packing may have. */
function isPackable({ bits }: StoredIntegers): boolean {
  return bits === 2 || bits === 3 || bits === 4 || bits === 8;
}

/** Parts of weights by name, checked by shape and type. */
export class PartReader {
  /** The matrix that was read last: its rows may be asked for in blocks, and lie across all of it. */
  private last?: { name: string; bytes: Promise<Uint8Array> };

  constructor(readonly checkpoint: Checkpoint) {}

  get(name: string): TensorInfo | undefined {
    return this.checkpoint.tensors.get(name);
  }

  /** Modules that have a tensor of this name, without the dot. */
  modules(suffix: string): string[] {
    const end = `.${suffix}`;
    return [...this.checkpoint.tensors.keys()].flatMap((name) =>
      name.endsWith(end) ? [name.slice(0, -end.length)] : [],
    );
  }

  /** Throws `missing_tensor`, `bad_safetensors`. */
  need(name: string, types: readonly string[], beside: string): TensorInfo {
    const found = this.get(name);
    if (!found) {
      throw new WhittleError({
        code: 'missing_tensor',
        message: `${beside} is packed, but there is no ${name} beside it.`,
        place: { file: this.get(beside)?.file, tensor: name },
        allowed: `${name} in ${types.join(' or ')}`,
        action: 'The weights are incomplete: fetch the missing shard, or all files again.',
      });
    }
    if (!types.includes(found.dtype)) throw wrongPart(found, `is stored as ${found.dtype}`, types.join(' or '));
    return found;
  }

  async bytes(part: TensorInfo, rows?: RowRange): Promise<Uint8Array> {
    return (await this.checkpoint.read(part.name, rows)).slice();
  }

  /** All of a matrix of words; kept until another is read, or `isLast`. */
  async words(part: TensorInfo, isLast = true): Promise<Int32Array> {
    if (this.last?.name !== part.name) this.last = { name: part.name, bytes: this.bytes(part) };
    const { bytes } = this.last;
    if (isLast) this.last = undefined;
    try {
      return new Int32Array((await bytes).buffer);
    } catch (cause) {
      this.last = undefined;
      throw cause;
    }
  }
}

export function wrongPart({ name, file, shape }: TensorInfo, what: string, allowed: string): WhittleError {
  return new WhittleError({
    code: 'bad_safetensors',
    message: `${name} ${formatShape(shape)} ${what}.`,
    place: { file, tensor: name },
    allowed,
    action: 'Check that config.json (quantization_config) belongs to these weights, or fetch the files again.',
  });
}

export function checkShape(part: TensorInfo, ...allowed: readonly Shape[]): void {
  if (allowed.some((shape) => shape.length === part.shape.length && shape.every((size, i) => size === part.shape[i])))
    return;
  throw wrongPart(
    part,
    'does not fit the other parts of its weight',
    allowed.map((shape) => formatShape(shape)).join(' or '),
  );
}

function stored({ name, file }: TensorInfo, packed: TensorInfo): WhittleError {
  return new WhittleError({
    code: 'bad_safetensors',
    message: `${name} is stored twice: as it is, and packed as ${packed.name}.`,
    place: { file, tensor: name },
    allowed: 'one of the two',
    action: 'Save the model again; the files may be those of two versions of it.',
  });
}
