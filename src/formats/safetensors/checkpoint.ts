/** @file A {@link Checkpoint} over one or several safetensors files. Only headers are read when it is opened. */
import { WhittleError } from '../../errors/errors.ts';
import type { Checkpoint, RowRange, TensorInfo } from '../checkpoint.ts';
import type { ByteSource } from '../source.ts';
import { readSafetensorsHeader } from './header.ts';
import type { ShardIndex } from './shard_index.ts';

export interface OpenedCheckpoint {
  checkpoint: Checkpoint;
  /** For people: what is odd but not wrong. */
  warnings: string[];
}

interface Located extends TensorInfo {
  readonly source: ByteSource;
  readonly offset: number;
}

/**
 * Opens all files as one checkpoint and compares them with the index, where there is one.
 * Throws what {@link readSafetensorsHeader} throws, and `bad_shard_index` for a tensor in two files.
 */
export async function openSafetensors(sources: readonly ByteSource[], index?: ShardIndex): Promise<OpenedCheckpoint> {
  const tensors = new Map<string, Located>();
  for (const source of sources) {
    const { entries } = await readSafetensorsHeader(source);
    for (const { name, dtype, shape, offset, bytes } of entries) {
      const other = tensors.get(name);
      if (other) throw conflict(source.name, name, `Tensor "${name}" is in both ${other.file} and ${source.name}.`);
      tensors.set(name, { name, dtype, shape, bytes, file: source.name, source, offset });
    }
  }
  const { absent, warnings } = index ? compareIndex(index, tensors) : { warnings: [] };
  let bytes = 0;
  for (const tensor of tensors.values()) bytes += tensor.bytes;
  if (index?.total_size !== undefined && index.total_size !== bytes) {
    warnings.push(`${index.file} says ${index.total_size} bytes of weights, but the shards hold ${bytes}.`);
  }
  const read = async (name: string, rows?: RowRange) => readTensor(tensors, name, rows);
  return { checkpoint: { tensors, bytes, read, ...(absent && { absent }) }, warnings };
}

/**
 * What the index and the files say differently. As transformers, which takes from an index only which files there are: a
 * tied head that is listed, or a buffer that is not, changes nothing.
 */
function compareIndex(
  index: ShardIndex,
  tensors: ReadonlyMap<string, Located>,
): { absent?: Checkpoint['absent']; warnings: string[] } {
  const absent = new Map<string, { shard: string; index: string }>();
  const moved: string[] = [];
  for (const [name, shard] of index.weight_map) {
    const found = tensors.get(name);
    if (!found) absent.set(name, { shard, index: index.file });
    else if (found.file !== shard) moved.push(`${name} (in ${found.file}, not ${shard})`);
  }
  const unlisted = [...tensors.keys()].filter((name) => !index.weight_map.has(name));
  const warnings = [
    listed(
      `${index.file} lists tensors that no shard holds`,
      [...absent].map(([name, { shard }]) => `${name} (${shard})`),
    ),
    listed(`${index.file} does not list tensors that the shards hold`, unlisted),
    listed(`${index.file} gives other shards for tensors than those that hold them`, moved),
  ].filter((warning) => warning !== undefined);
  return { ...(absent.size > 0 && { absent }), warnings };
}

function listed(what: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return `${what}: ${names.slice(0, 5).join(', ')}${more}.`;
}

function conflict(file: string, tensor: string, message: string): WhittleError {
  return new WhittleError({
    code: 'bad_shard_index',
    message,
    place: { file, tensor },
    allowed: 'each tensor in exactly one shard',
    action: 'The files may come from different versions of the model: fetch them all again.',
  });
}

async function readTensor(tensors: ReadonlyMap<string, Located>, name: string, rows?: RowRange): Promise<Uint8Array> {
  const tensor = tensors.get(name);
  if (!tensor) {
    throw new WhittleError({
      code: 'missing_tensor',
      message: `The checkpoint holds no tensor "${name}".`,
      place: { tensor: name },
    });
  }
  if (!rows) return tensor.source.read(tensor.offset, tensor.bytes);
  const count = tensor.shape[0] ?? 0;
  const rowBytes = count > 0 ? tensor.bytes / count : 0;
  if (!(rows.start >= 0 && rows.start <= rows.end && rows.end <= count) || !Number.isInteger(rowBytes)) {
    throw new RangeError(
      `rows ${rows.start} to ${rows.end} of "${name}", which has ${count} rows of ${rowBytes} bytes`,
    );
  }
  return tensor.source.read(tensor.offset + rows.start * rowBytes, (rows.end - rows.start) * rowBytes);
}
