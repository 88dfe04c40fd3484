/**
 * @file Importance matrices as llama-imatrix writes them into GGUF: for each linear Σx² of its inputs over a text, and over
 * how many tokens. Source: llama.cpp's tools/imatrix and the reader in its tools/quantize.
 */
import { WhittleError } from '../../errors/errors.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import { quoteText } from '../json.ts';
import type { ByteSource } from '../source.ts';
import { badGguf } from './errors.ts';
import { type GgufHeader, type GgufTensor, readGgufHeader } from './header.ts';
import { type GgufTensorToWrite, type ValueToWrite, writeGguf } from './write.ts';

export interface ImatrixEntry {
  /** (matrices, inputs): Σx² of each input. */
  readonly sums: Float32Array;
  /** (matrices): tokens that were summed over. One matrix, unless the linear is one of several experts. */
  readonly counts: Float32Array;
}

export interface Imatrix {
  /** Names of the texts. */
  readonly datasets: readonly string[];
  readonly chunk_count: number;
  /** Tokens. */
  readonly chunk_size: number;
  /** By the tensor's name without a suffix: `blk.0.attn_q.weight`. */
  readonly entries: ReadonlyMap<string, ImatrixEntry>;
}

const SUMS = '.in_sum2';
const COUNTS = '.counts';
const TYPE = 'imatrix';
const ALLOWED = 'an importance matrix as llama-imatrix or Whittle writes it: general.type "imatrix", tensors in pairs';

/** The file, in pieces; entries sorted by name, as llama.cpp has them. */
export function writeImatrix({ datasets, chunk_count, chunk_size, entries }: Imatrix): AsyncGenerator<Uint8Array> {
  const metadata = new Map<string, ValueToWrite>([
    ['general.type', { type: 'string', value: TYPE }],
    ['imatrix.datasets', { type: 'array', of: 'string', values: datasets }],
    ['imatrix.chunk_count', { type: 'uint32', value: chunk_count }],
    ['imatrix.chunk_size', { type: 'uint32', value: chunk_size }],
  ]);
  const tensors = [...entries]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { sums, counts }]) => {
      const matrices = counts.length;
      return [
        floats(`${name}${SUMS}`, [matrices, sums.length / matrices], sums),
        floats(`${name}${COUNTS}`, [matrices, 1], counts),
      ];
    });
  return writeGguf(metadata, tensors);
}

function floats(name: string, shape: readonly number[], values: Float32Array): GgufTensorToWrite {
  return { name, type: 'F32', shape, chunks: () => [encodeFromFloat(values, 'F32')] };
}

/** Throws `bad_gguf`, `truncated_file` and what else a bad GGUF header does. */
export async function readImatrix(source: ByteSource): Promise<Imatrix> {
  const header = await headerOf(source);
  const { metadata, tensors } = header;
  assertPurpose(source.name, header);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const entries = new Map<string, ImatrixEntry>();
  for (const tensor of tensors) {
    const suffix = [SUMS, COUNTS].find((each) => tensor.name.endsWith(each));
    if (!suffix) throw bad(source.name, `Tensor ${quoteText(tensor.name)} is neither a sum nor a count.`, tensor.name);
    const name = tensor.name.slice(0, -suffix.length);
    const other = suffix === SUMS ? COUNTS : SUMS;
    const partner = byName.get(`${name}${other}`);
    if (!partner) {
      throw bad(source.name, `Of ${quoteText(name)} there is ${suffix} without ${other}.`, tensor.name);
    }
    if (suffix === SUMS) entries.set(name, await readEntry(source, tensor, partner));
  }
  return {
    datasets: metadata.strings('imatrix.datasets') ?? [],
    chunk_count: metadata.integer('imatrix.chunk_count') ?? 0,
    chunk_size: metadata.integer('imatrix.chunk_size') ?? 0,
    entries,
  };
}

async function headerOf(source: ByteSource): Promise<GgufHeader> {
  try {
    return await readGgufHeader(source);
  } catch (thrown) {
    // Before July 2025 llama-imatrix wrote a form of its own, without a signature.
    if (!(thrown instanceof WhittleError) || thrown.code !== 'not_a_model') throw thrown;
    throw badGguf(source.name, 'This is no GGUF file, so no importance matrix that is read here.', {
      allowed: ALLOWED,
      action: 'Convert an older one (.dat) with llama.cpp: llama-imatrix --in-file OLD.dat -o NEW.gguf.',
    });
  }
}

function assertPurpose(file: string, { metadata, tensors }: GgufHeader): void {
  const type = metadata.has('general.type') ? metadata.text('general.type') : undefined;
  if (type !== TYPE) {
    const found = type === undefined ? 'has no general.type' : `says that it is of the type ${quoteText(type)}`;
    throw badGguf(file, `The file ${found}, so it is no importance matrix.`, {
      field: 'general.type',
      allowed: ALLOWED,
      action:
        'Choose the file that llama-imatrix wrote, or leave it out: Whittle measures the calibration text itself.',
    });
  }
  if (tensors.length === 0) throw bad(file, 'The file holds no tensors.');
}

async function readEntry(source: ByteSource, sums: GgufTensor, counts: GgufTensor): Promise<ImatrixEntry> {
  for (const { name, type } of [sums, counts]) {
    if (type !== 'F32') throw bad(source.name, `Tensor ${quoteText(name)} is stored as ${type}.`, name, 'F32');
  }
  const matrices = sums.shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const columns = sums.shape[sums.shape.length - 1];
  const count = counts.shape.reduce((product, size) => product * size, 1);
  if (count !== matrices || columns === 0 || matrices === 0) {
    const found = `${quoteText(sums.name)} has the shape ${shown(sums)} and ${quoteText(counts.name)} ${shown(counts)}.`;
    throw bad(source.name, found, counts.name, 'one count for each row of sums');
  }
  const entry = { sums: await numbers(source, sums), counts: await numbers(source, counts) };
  for (const [tensor, values] of [
    [sums, entry.sums],
    [counts, entry.counts],
  ] as const) {
    const index = values.findIndex((value) => !(value >= 0) || value === Number.POSITIVE_INFINITY);
    if (index >= 0) {
      const found = `Number ${index} of ${quoteText(tensor.name)} is ${values[index]}.`;
      throw bad(source.name, found, tensor.name, 'finite numbers from 0 up');
    }
  }
  return entry;
}

async function numbers(source: ByteSource, { offset, bytes }: GgufTensor): Promise<Float32Array> {
  return Float32Array.from(decodeStored(await source.read(offset, bytes), 'F32'));
}

function shown({ shape }: GgufTensor): string {
  return `[${shape.join(', ')}]`;
}

function bad(file: string, message: string, tensor?: string, allowed = ALLOWED): WhittleError {
  return badGguf(file, message, { tensor, allowed, action: 'Make the importance matrix anew, or leave it out.' });
}
