/**
 * @file Opens a model from GGUF alone, one file or parts: the same {@link HfModel} as a folder from Hugging Face, with
 * config and tokenizer made from the metadata.
 */
import { WhittleError } from '../../errors/errors.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { isDType } from '../../tensor/dtype.ts';
import type { RawConfig } from '../hf/config.ts';
import type { HfModel, ModelFile } from '../hf/files.ts';
import { type CardLicence, isLicenceFile } from '../hf/licence_files.ts';
import { quoteText } from '../json.ts';
import { type ByteSource, blobSource, jsonSource } from '../source.ts';
import { missingBiases } from './biases.ts';
import { ggufCheckpoint, type StoredTensor } from './checkpoint.ts';
import { architectureOf, readFacts } from './config.ts';
import { badGguf, unsupportedGguf } from './errors.ts';
import { GGUF_FAMILIES } from './families.ts';
import { hfConfig } from './family_config.ts';
import { type GgufHeader, readGgufHeader } from './header.ts';
import { ggufNames, mapTensors } from './map_tensors.ts';
import type { GgufMetadata } from './metadata.ts';
import { refuseOtherPurposes } from './purpose.ts';
import type { RopeTables } from './rope.ts';
import { chooseGguf } from './split.ts';
import { specialIds, tokenizerFiles } from './tokenizer/tokenizer_files.ts';
import { DECODED_TYPES } from './types.ts';
import { readFactors } from './weight_factors.ts';

/** A table of frequencies has at most a few hundred entries. */
const MAX_TABLE_BYTES = 65_536;

/**
 * Throws `bad_gguf`, `not_a_model`, `truncated_file`, `missing_shard`, `bad_tokenizer`, `unsupported_dtype`,
 * and `unknown_architecture` for what Whittle cannot run exactly.
 */
export async function openGgufFiles(files: readonly ModelFile[]): Promise<HfModel> {
  const chosen = chooseGguf(files);
  const sources = chosen.files.map(({ name, blob }) => blobSource(name, blob));
  const headers: GgufHeader[] = [];
  for (const source of sources) headers.push(await readGgufHeader(source));
  const [{ metadata }] = headers;
  refuseOtherPurposes(
    metadata,
    headers.flatMap(({ tensors: own }) => own),
  );
  const tensors = joinParts(sources, headers);
  const architecture = architectureOf(metadata);
  if (tensors.size === 0) {
    throw badGguf(sources[0].name, 'The file holds no weights: it is a vocabulary, or the first of several parts.', {
      action: 'Open the file that holds the model, or all parts together.',
    });
  }
  refuseUndecoded(metadata.file, tensors);
  const family = GGUF_FAMILIES[architecture];
  const facts = readFacts(architecture, metadata, tensors, await readTables(tensors));
  const views = mapTensors(metadata.file, family, tensors, facts, await readFactors(tensors));
  const special_ids = specialIds(metadata);
  // Without the key, transformers takes the family's own padding token, which may lie beyond the vocabulary.
  const config: RawConfig = { pad_token_id: null, ...hfConfig(architecture, facts), ...special_ids };
  const zeros = missingBiases(family, views, config);
  const checkpoint = ggufCheckpoint([...views, ...zeros.views], ggufNames(family));
  return {
    name: chosen.name,
    config: jsonSource('config.json', config),
    readTokenizer: async () => {
      const { tokenizer, tokenizer_config, warnings } = tokenizerFiles(metadata, facts.max_position_embeddings);
      return {
        tokenizer: jsonSource('tokenizer.json', tokenizer),
        tokenizer_config: jsonSource('tokenizer_config.json', tokenizer_config),
        warnings,
      };
    },
    companions: [jsonSource('generation_config.json', special_ids), ...licenceFiles(files)],
    licence: licenceOf(metadata),
    weights: sources,
    checkpoint,
    warnings: [...chosen.warnings, ...facts.warnings, ...zeros.warnings],
  };
}

/** All tensors of all parts. Throws where the files are not the parts of one model. */
function joinParts(sources: readonly ByteSource[], headers: readonly GgufHeader[]): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  const [first] = headers;
  for (const [part, { metadata, tensors: own }] of headers.entries()) {
    const source = sources[part];
    const count = metadata.integer('split.count') ?? 1;
    if (count > 1 && count !== headers.length) throw incomplete(source.name, metadata.integer('split.no'), count);
    const number = metadata.integer('split.no') ?? 0;
    if (number !== part) {
      throw badGguf(source.name, `The file says that it is part ${number + 1}, but its name says ${part + 1}.`, {
        field: 'split.no',
        allowed: String(part),
      });
    }
    for (const tensor of own) {
      const other = tensors.get(tensor.name);
      if (other) {
        const found = `Tensor ${quoteText(tensor.name)} is in both ${other.source.name} and ${source.name}.`;
        throw badGguf(source.name, found, { tensor: tensor.name });
      }
      tensors.set(tensor.name, { ...tensor, source });
    }
  }
  const expected = first.metadata.integer('split.tensors.count');
  if (expected !== undefined && expected !== tensors.size) {
    throw badGguf(sources[0].name, `The parts hold ${tensors.size} tensors, but the first says ${expected}.`, {
      field: 'split.tensors.count',
      allowed: 'the parts of one model',
    });
  }
  return tensors;
}

/** Types are listed by the header reader whether they are decoded or not; a model needs all of its weights. */
function refuseUndecoded(file: string, tensors: ReadonlyMap<string, StoredTensor>): void {
  const undecoded = [...tensors.values()].filter(({ type }) => !isDType(type));
  if (undecoded.length === 0) return;
  const types = [...new Set(undecoded.map(({ type }) => type))].join(', ');
  throw unsupportedGguf(
    file,
    `${undecoded.length} of ${tensors.size} tensors are stored as ${types}, which is not decoded.`,
    {
      code: 'unsupported_dtype',
      tensor: undecoded[0].name,
      allowed: DECODED_TYPES.join(', '),
      action: 'Fetch the model in one of these types: files named Q4_K_M, Q5_K_M, Q6_K or Q8_0 hold no others.',
    },
  );
}

function incomplete(file: string, number: number | undefined, count: number): WhittleError {
  const which = number === undefined ? 'one' : `part ${number + 1}`;
  return new WhittleError({
    code: 'missing_shard',
    message: `This file is ${which} of ${count}; the others are missing.`,
    place: { file, field: 'split.count' },
    allowed: `all ${count} parts of the model`,
    action: `Open all ${count} parts together, under their own names (…-00001-of-${String(count).padStart(5, '0')}.gguf).`,
  });
}

/** Divisors of rotary frequencies, which the config needs as numbers. */
async function readTables(tensors: ReadonlyMap<string, StoredTensor>): Promise<RopeTables> {
  const table = async (name: string): Promise<number[] | undefined> => {
    const tensor = tensors.get(`${name}.weight`);
    if (!tensor) return undefined;
    const { type, source, offset, bytes } = tensor;
    if (!isDType(type) || bytes > MAX_TABLE_BYTES) {
      throw badGguf(source.name, `The table ${tensor.name} has ${bytes} bytes of ${type}.`, {
        tensor: tensor.name,
        allowed: `at most ${MAX_TABLE_BYTES} bytes of F32`,
      });
    }
    return [...decodeStored(await source.read(offset, bytes), type)];
  };
  return {
    freqs: await table('rope_freqs'),
    short: await table('rope_factors_short'),
    long: await table('rope_factors_long'),
  };
}

/** Those beside the file, of each name one. */
function licenceFiles(files: readonly ModelFile[]): ByteSource[] {
  const found = new Map<string, ByteSource>();
  for (const { path, blob } of files) {
    const name = path.split(/[/\\]/).pop()!;
    if (isLicenceFile(name) && !found.has(name)) found.set(name, blobSource(name, blob));
  }
  return [...found.values()];
}

function licenceOf(metadata: GgufMetadata): CardLicence {
  const text = (key: string, name: keyof CardLicence) => {
    const value = metadata.get(key);
    return value?.type === 'string' ? { [name]: String(value.value) } : {};
  };
  return {
    ...text('general.license', 'license'),
    ...text('general.license.name', 'license_name'),
    ...text('general.license.link', 'license_link'),
  };
}
