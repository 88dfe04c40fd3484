/** @file Reads `model.safetensors.index.json`: which shard holds which tensor. */
import { WhittleError } from '../../errors/errors.ts';
import { JsonFault, JsonNumber, type JsonValue, parseJson } from '../json.ts';
import { recogniseNotJson } from '../recognise.ts';
import type { ByteSource } from '../source.ts';

/** Twice the largest index known in the wild. */
const MAX_INDEX_BYTES = 100_000_000;
const MAX_SHARDS = 10_000;

export interface ShardIndex {
  readonly file: string;
  /** Tensor name → shard file name. */
  readonly weight_map: ReadonlyMap<string, string>;
  /** Shard file names, each once, in order of first use. */
  readonly shards: readonly string[];
  /** Bytes of all tensors as the index says, where it does. */
  readonly total_size?: number;
}

/** Throws `bad_shard_index`. */
export async function readShardIndex(source: ByteSource): Promise<ShardIndex> {
  const file = source.name;
  if (source.size > MAX_INDEX_BYTES) {
    throw bad(file, `The index has ${source.size} bytes.`, `at most ${MAX_INDEX_BYTES}`);
  }
  const root = await parse(source);
  const map = root instanceof Map ? root.get('weight_map') : undefined;
  if (!(root instanceof Map) || !(map instanceof Map)) {
    throw bad(file, 'The index has no weight_map.', 'an object with weight_map: tensor name → file name', 'weight_map');
  }
  const weightMap = new Map<string, string>();
  const shards = new Set<string>();
  for (const [tensor, named] of map) {
    const shard = typeof named === 'string' ? named.replace(/^(\.\/)+/, '') : named;
    if (typeof shard !== 'string')
      throw bad(file, `The weight_map gives no file name for "${tensor}".`, undefined, 'weight_map');
    if (!isSafeName(shard)) {
      throw bad(
        file,
        `Unsafe shard name ${JSON.stringify(shard)}.`,
        'plain file names in the same folder',
        'weight_map',
      );
    }
    weightMap.set(tensor, shard);
    shards.add(shard);
  }
  if (shards.size > MAX_SHARDS) throw bad(file, `The index names ${shards.size} shards.`, `at most ${MAX_SHARDS}`);
  return { file, weight_map: weightMap, shards: [...shards], total_size: totalSize(root) };
}

async function parse(source: ByteSource): Promise<JsonValue> {
  const bytes = await source.read(0, source.size);
  try {
    return parseJson(bytes);
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    const foreign = recogniseNotJson(source.name, bytes);
    if (foreign) throw foreign;
    if (fault.duplicate_key !== undefined) {
      throw bad(source.name, `The index gives "${fault.duplicate_key}" twice.`, undefined, fault.path[0]);
    }
    throw bad(source.name, `The index is not JSON: ${fault.message} at byte ${fault.byte}.`);
  }
}

function totalSize(root: Map<string, JsonValue>): number | undefined {
  const metadata = root.get('metadata');
  const size = metadata instanceof Map ? metadata.get('total_size') : undefined;
  return size instanceof JsonNumber ? Number(size.text) : undefined;
}

function isSafeName(name: string): boolean {
  return name !== '' && name !== '.' && !name.includes('..') && !/[/\\\0]|:\/\//.test(name);
}

function bad(
  file: string,
  message: string,
  allowed = 'a JSON object with weight_map: each tensor once, with the name of its file',
  field?: string,
): WhittleError {
  const action = 'Fetch the index again from where the model comes from.';
  return new WhittleError({ code: 'bad_shard_index', message, place: { file, field }, allowed, action });
}
