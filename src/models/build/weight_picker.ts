/** @file Hands out the weights of a checkpoint by name, checked by shape, and remembers which were asked for. */
import { WhittleError } from '../../errors/errors.ts';
import type { Checkpoint, RowRange } from '../../formats/checkpoint.ts';
import { isDType, isFloatType } from '../../tensor/dtype.ts';
import { formatShape, type Shape, sameShape } from '../../tensor/shape.ts';
import type { WeightRef } from '../decoder_model.ts';
import { packedIntegers } from '../packed/stored_integers.ts';
import { transposedRef } from '../weight_views.ts';

export class WeightPicker {
  private readonly taken = new Set<string>();
  private readonly checkpoint: Checkpoint;

  constructor(checkpoint: Checkpoint) {
    this.checkpoint = checkpoint;
  }

  has(name: string): boolean {
    return this.checkpoint.tensors.has(name);
  }

  /** Throws `missing_tensor`, `shape_mismatch`, `unsupported_dtype`, `bad_shard_index`. */
  take(name: string, expected: Shape): WeightRef {
    const info = this.checkpoint.tensors.get(name) ?? this.checkpoint.zeros?.get(name);
    if (!info) throw this.missing(name, expected);
    const { file, dtype, shape, stored, integers } = info;
    if (!sameShape(shape, expected)) {
      if (this.checkpoint.nameInFile)
        throw this.notOfMetadata(name, `has the shape ${formatShape(shape)}`, expected, file);
      throw new WhittleError({
        code: 'shape_mismatch',
        message: `${name} has the shape ${formatShape(shape)}, but the config calls for ${formatShape(expected)}.`,
        place: { file, tensor: name },
        allowed: formatShape(expected),
        action: `Check that config.json belongs to these weights, and that ${file} belongs to this model.`,
      });
    }
    if (!isDType(dtype)) {
      throw new WhittleError({
        code: 'unsupported_dtype',
        message: `${name} is stored as ${dtype}, which cannot be decoded (a quantised model?).`,
        place: { file, tensor: name },
        allowed: 'F32, F16 or BF16',
        action: 'Open the unquantised version of the model.',
      });
    }
    this.taken.add(name);
    const read = (rows?: RowRange) => this.checkpoint.read(name, rows);
    return { name, shape, dtype, ...(stored && { stored }), read, ...(integers && packedIntegers(shape, integers)) };
  }

  /** One number, stored without a shape or as one element: (1) either way. @param _form How transformers stores it. */
  takeNumber(name: string, _form: Shape): WeightRef {
    if (this.checkpoint.tensors.get(name)?.shape.length !== 0) return this.take(name, [1]);
    const ref = this.take(name, []);
    return { ...ref, shape: [1], read: () => ref.read() };
  }

  /** A matrix stored as (in, out), as (out, in). @param expected (out, in). */
  takeTransposed(name: string, [out, inputs]: Shape): WeightRef {
    if (this.checkpoint.tensors.get(name)?.out_in) return this.take(name, [out, inputs]);
    const ref = this.take(name, [inputs, out]);
    if (isFloatType(ref.dtype)) return transposedRef(ref, name);
    throw new WhittleError({
      code: 'unsupported_dtype',
      message: `${name} is stored as ${ref.dtype} blocks along the wrong axis.`,
      place: { file: this.checkpoint.tensors.get(name)?.file, tensor: name },
      allowed: 'F32, F16 or BF16 for a matrix that is stored as (in, out)',
      action: 'Open the unquantised version of the model.',
    });
  }

  /** The untied head; its absence has one likely cause, which the message names. */
  head(name: string, expected: Shape): WeightRef {
    if (this.has(name)) return this.take(name, expected);
    if (this.checkpoint.absent?.has(name)) throw this.missing(name, expected);
    throw new WhittleError({
      code: 'missing_tensor',
      message: `The weights hold no ${name}, but config.json does not tie the head to the embedding.`,
      place: { file: this.file(), tensor: name, field: 'tie_word_embeddings' },
      allowed: `${name} with the shape ${formatShape(expected)}, or "tie_word_embeddings": true`,
      action: 'If the model ties them, set "tie_word_embeddings": true in config.json; else fetch the missing shard.',
    });
  }

  private missing(name: string, expected: Shape): WhittleError {
    const shape = formatShape(expected);
    const promised = this.checkpoint.absent?.get(name);
    if (promised) {
      return new WhittleError({
        code: 'bad_shard_index',
        message: `${promised.index} says that ${name} is in ${promised.shard}, but that file does not hold it, and the config calls for it.`,
        place: { file: promised.shard, tensor: name },
        allowed: `${name} with the shape ${shape}`,
        action: 'The files come from different versions of the model: fetch them all again.',
      });
    }
    if (this.checkpoint.nameInFile) return this.notOfMetadata(name, 'is not there', expected, this.file());
    return new WhittleError({
      code: 'missing_tensor',
      message: `The weights hold no ${name}, which the config calls for (shape ${shape}). ${this.holds()}`,
      place: { file: this.file(), tensor: name },
      allowed: `${name} with the shape ${shape}`,
      action:
        'Check that config.json belongs to these weights; if it does, the weights are incomplete: fetch them again.',
    });
  }

  /** Of a file that is its own config: what it says of itself and what it holds differ. */
  private notOfMetadata(name: string, found: string, expected: Shape, file?: string): WhittleError {
    const own = this.checkpoint.nameInFile?.(name) ?? name;
    const shape = formatShape(expected);
    return new WhittleError({
      code: found === 'is not there' ? 'missing_tensor' : 'shape_mismatch',
      message: `The metadata calls for the tensor ${own} with the shape ${shape}; it ${found}.`,
      place: { file, tensor: own },
      allowed: `${own} with the shape ${shape}`,
      action:
        'The file is damaged, or its metadata is of another model: download it again, or convert the model anew with current tools.',
    });
  }

  /** What is there instead, for people who know the model. */
  private holds(): string {
    const names = [...this.checkpoint.tensors.keys()];
    if (names.length === 0) return 'They hold nothing.';
    const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
    return `They hold ${names.slice(0, 3).join(', ')}${more}.`;
  }

  /** Where all tensors are in one file, that file. */
  private file(): string | undefined {
    const files = new Set([...this.checkpoint.tensors.values()].map(({ file }) => file));
    return files.size === 1 ? [...files][0] : undefined;
  }

  unused(): string[] {
    return [...this.checkpoint.tensors.keys()].filter((name) => !this.taken.has(name));
  }
}
