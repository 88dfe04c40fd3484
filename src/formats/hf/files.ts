/**
 * @file Finds a Hugging Face model among dropped files: flat or inside a folder, one safetensors file or shards, or
 * ONNX. Reads the small files and the weight headers; no weight.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { Checkpoint } from '../checkpoint.ts';
import type { Nameless } from '../onnx/nameless.ts';
import { foreignByName } from '../recognise.ts';
import { openSafetensors } from '../safetensors/checkpoint.ts';
import { readShardIndex, type ShardIndex } from '../safetensors/shard_index.ts';
import { type ByteSource, blobSource } from '../source.ts';
import { CONVERT, tokenizerFromVocabulary } from '../tokenizer/from_vocabulary.ts';
import type { OlderTokenFiles } from '../tokenizer/tokenizer.ts';
import { chooseFolder, type Folder } from './folder.ts';
import { type CardLicence, cardLicence, isLicenceFile } from './licence_files.ts';
import { chooseOnnx, genaiConfig, onnxWithoutConfig, openOnnxFile } from './onnx_files.ts';

export interface ModelFile {
  /** Path inside the dropped folder, or just the name. */
  path: string;
  blob: Blob;
}

export interface HfModel {
  /** The folder's name, where there is one. */
  name?: string;
  config: ByteSource;
  /** Made or found when it is called: what else is known of a model does not wait for its tokens. Throws `bad_tokenizer`. */
  readTokenizer(): Promise<TokenizerSources>;
  /** ModelOpt's: how weights are quantised, where config.json may not say it. */
  hf_quant_config?: ByteSource;
  /** AutoGPTQ's or AutoAWQ's of the time when config.json said nothing of it. */
  quantize_config?: ByteSource;
  /** Small files that an export carries along unchanged. */
  companions: ByteSource[];
  weights: ByteSource[];
  checkpoint: Checkpoint;
  /** Where the weights are ONNX: what the file holds, and which norms' weights have the family's offset in them. */
  onnx?: { summary: string; folded: ReadonlySet<string>; nameless?: Nameless };
  /** What the model card or the metadata say of the licence. */
  licence?: CardLicence;
  warnings: string[];
}

export interface TokenizerSources {
  tokenizer: ByteSource;
  tokenizer_config?: ByteSource;
  /** Of a folder; absent where the tokenizer is a GGUF file's, which has all tokens. */
  older?: OlderTokenFiles;
  warnings: readonly string[];
}

const COMPANIONS = [
  'generation_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
];
const SHARD = /^(.*)-(\d{5})-of-(\d{5})\.safetensors$/;

/**
 * Throws `not_a_model`, `bad_tokenizer`, `missing_shard` and all that {@link openSafetensors} and {@link openOnnxFile}
 * throw.
 */
export async function openModelFiles(files: readonly ModelFile[]): Promise<HfModel> {
  const folder = chooseFolder(files);
  const source = (name: string): ByteSource | undefined => {
    const blob = folder.files.get(name);
    return blob && blobSource(name.split('/').pop()!, blob);
  };
  const { shards, index, onnx: onnx_file, warnings } = await findWeights(folder, source);
  const onnx = onnx_file === undefined ? undefined : await openOnnxFile(onnx_file, source);
  const config = source('config.json') ?? (onnx && (await genaiConfig(onnx, source)));
  if (!config) {
    if (onnx) throw onnxWithoutConfig(onnx.files[0].name, onnx.summary);
    throw new WhittleError({
      code: 'not_a_model',
      message: 'There is no config.json beside the weights.',
      place: { file: 'config.json' },
      action: 'Open the whole model folder, or drop config.json and tokenizer.json together with the weights.',
    });
  }
  const opened = onnx ?? (await openSafetensors(shards, index));
  const readTokenizer = findTokenizer(folder, source);
  return {
    name: folder.name,
    config,
    readTokenizer,
    hf_quant_config: source('hf_quant_config.json'),
    quantize_config: source('quantize_config.json') ?? source('quant_config.json'),
    companions: [...COMPANIONS, ...[...folder.files.keys()].filter(isLicenceFile)]
      .map(source)
      .filter((found) => found !== undefined),
    licence: await cardLicence(source('README.md')),
    weights: onnx?.files ?? shards,
    checkpoint: opened.checkpoint,
    onnx,
    warnings: [...warnings, ...opened.warnings],
  };
}

type Find = (name: string) => ByteSource | undefined;

interface FoundWeights {
  shards: ByteSource[];
  index?: ShardIndex;
  /** Name of the ONNX file; then there are no shards. */
  onnx?: string;
  warnings: string[];
}

/** As transformers does: `model.safetensors` first, then an index, then the only candidate there is; ONNX only without. */
async function findWeights(folder: Folder, source: Find): Promise<FoundWeights> {
  const names = [...folder.files.keys()];
  const candidates = names.filter((name) => name.endsWith('.safetensors'));
  const indexes = names.filter((name) => name.endsWith('.safetensors.index.json'));
  const single = source('model.safetensors');
  if (single) return { shards: [single], warnings: unusedWarning(candidates, ['model.safetensors']) };
  if (indexes.length > 1) throw severalCandidates(indexes);
  if (indexes.length === 1) {
    const index = await readShardIndex(source(indexes[0])!);
    return { shards: allShards(index.shards, source), index, warnings: unusedWarning(candidates, index.shards) };
  }
  const own = candidates.filter((name) => !isAdapter(name));
  if (own.length === 0) {
    const graphs = names.filter((name) => name.endsWith('.onnx'));
    const onnx = chooseOnnx(graphs);
    if (onnx !== undefined) return { shards: [], onnx, warnings: unusedWarning([...graphs, ...candidates], [onnx]) };
    if (graphs.length > 0) throw severalCandidates(graphs);
    throw candidates.length > 0 ? adapterOnly(candidates[0]) : noWeights(names);
  }
  const shard = SHARD.exec(own[0]);
  if (shard && own.every((name) => SHARD.exec(name)?.[1] === shard[1] && SHARD.exec(name)?.[3] === shard[3])) {
    const [, stem, , total] = shard;
    const expected = Array.from(
      { length: Number(total) },
      (_, i) => `${stem}-${String(i + 1).padStart(5, '0')}-of-${total}.safetensors`,
    );
    return {
      shards: allShards(expected, source),
      warnings: [
        'There is no index of the shards; their own headers were used.',
        ...unusedWarning(candidates, expected),
      ],
    };
  }
  if (own.length > 1) throw severalCandidates(own);
  return { shards: [source(own[0])!], warnings: unusedWarning(candidates, own) };
}

function allShards(names: readonly string[], source: Find): ByteSource[] {
  const missing = names.filter((name) => !source(name));
  if (missing.length > 0) {
    const listed = missing.slice(0, 8).join(', ') + (missing.length > 8 ? ` and ${missing.length - 8} more` : '');
    throw new WhittleError({
      code: 'missing_shard',
      message: `${missing.length} of ${names.length} weight files ${missing.length === 1 ? 'is' : 'are'} missing: ${listed}.`,
      place: { file: missing[0] },
      allowed: `all ${names.length} files of the model`,
      action: 'Drop them together with the others, or open the whole folder.',
    });
  }
  return names.map((name) => source(name)!);
}

function unusedWarning(candidates: readonly string[], used: readonly string[]): string[] {
  const unused = candidates.filter((name) => !used.includes(name));
  const adapters = unused.filter(isAdapter);
  const others = unused.filter((name) => !isAdapter(name));
  return [
    ...(others.length > 0 ? [`Not used: ${others.join(', ')}.`] : []),
    ...(adapters.length > 0
      ? [
          `An adapter (LoRA) lies beside the model and is not applied: ${adapters.join(', ')}. Merge it with peft first.`,
        ]
      : []),
  ];
}

function isAdapter(name: string): boolean {
  return name.startsWith('adapter_');
}

function severalCandidates(names: readonly string[]): WhittleError {
  return new WhittleError({
    code: 'not_a_model',
    message: `Several files could hold the weights: ${names.join(', ')}.`,
    allowed: 'one model.safetensors, or shards with one index',
    action: 'Drop only the files of one model.',
  });
}

function noWeights(names: readonly string[]): WhittleError {
  for (const name of names) {
    const foreign = foreignByName(name);
    if (foreign) return foreign;
  }
  return new WhittleError({
    code: 'not_a_model',
    message: `No weights were found among ${names.length === 1 ? names[0] : `${names.length} files`}.`,
    allowed:
      'a folder with config.json, tokenizer.json and safetensors weights (one file or shards), one .gguf file, or a folder with model.onnx',
    action: 'Open the whole folder of the model, as its page gives it. A text belongs under Calibration.',
  });
}

function adapterOnly(file: string): WhittleError {
  return new WhittleError({
    code: 'not_a_model',
    message: 'This is an adapter (LoRA): a change to a model, not a model.',
    place: { file },
    allowed: 'an adapter together with its base model, or the whole model with the adapter merged into it',
    action:
      'Open it with its base model, which adapter_config.json names as base_model_name_or_path: drop both folders together, or give --adapter. Merge other kinds than LoRA with their own library first.',
  });
}

/** Repositories from before tokenizer.json have its parts. That there is none is said at once. */
function findTokenizer(folder: Folder, source: Find): () => Promise<TokenizerSources> {
  const [tokenizer, tokenizer_config] = [source('tokenizer.json'), source('tokenizer_config.json')];
  const older = { special_tokens_map: source('special_tokens_map.json'), added_tokens: source('added_tokens.json') };
  if (tokenizer) return async () => ({ tokenizer, tokenizer_config, older, warnings: [] });
  const [vocab, merges] = [source('vocab.json'), source('merges.txt')];
  if (!vocab || !merges) throw noTokenizer(folder);
  const others = { ...older, config: source('config.json') };
  return async () => ({
    ...(await tokenizerFromVocabulary({ vocab, merges, tokenizer_config, ...others })),
    tokenizer_config,
  });
}

function noTokenizer(folder: Folder): WhittleError {
  const other = otherTokenizer([...folder.files.keys()]);
  return new WhittleError({
    code: 'bad_tokenizer',
    message: other ? `There is a ${other} but no tokenizer.json.` : 'There is no tokenizer.json beside the weights.',
    place: { file: 'tokenizer.json' },
    allowed: 'tokenizer.json, as fast tokenizers are saved',
    action: other
      ? CONVERT
      : 'Drop tokenizer.json (and tokenizer_config.json) together with the weights, or vocab.json and merges.txt.',
  });
}

/** A tokenizer in a form of which transformers makes a tokenizer.json. */
function otherTokenizer(names: readonly string[]): string | undefined {
  const kinds = [
    { name: names.find((name) => name === 'tokenizer.model'), kind: 'SentencePiece' },
    { name: names.find((name) => name === 'tekken.json'), kind: 'Mistral' },
    { name: names.find((name) => name.endsWith('.tiktoken')), kind: 'tiktoken' },
  ];
  const found = kinds.find(({ name }) => name !== undefined);
  return found && `${found.name} (${found.kind})`;
}
