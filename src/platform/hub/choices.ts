/** @file Which files of a repository make a model: the safetensors with config and tokenizer, or one GGUF file. */
import { WhittleError } from '../../errors/errors.ts';
import { type HubChoice, type HubFile, totalBytes } from './types.ts';

const CONFIG = 'config.json';
const TOKENIZER = 'tokenizer.json';
/** Small files, in the order they are fetched: a config that Whittle cannot read is found before any weight. */
const COMPANIONS = [
  CONFIG,
  'hf_quant_config.json',
  'quantize_config.json',
  'quant_config.json',
  'tokenizer_config.json',
  TOKENIZER,
  'generation_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
];
/** Terms of use: those that `formats/hf/licence_files.ts` takes. */
const LICENCE = /^(licen[sc]e|notice|use[_-]policy|copying|copyright)([._-][\w.-]*)?$/i;
const NO_LICENCE = /\.(safetensors|gguf|onnx|bin|py|zip|json)$/i;
const SHARD = /^(.*)-(\d{5})-of-(\d{5})\.safetensors$/;
const GGUF_PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

/** Safetensors first, then GGUF files from small to large. Throws `not_a_model` where there is neither. */
export function chooseFiles(id: string, files: readonly HubFile[]): HubChoice[] {
  const choices = [...safetensorsChoices(files), ...ggufChoices(files)];
  if (choices.length > 0) return choices;
  const pickles = files.filter(({ path }) => /\.(bin|pt|pth|ckpt|pkl)$/i.test(path));
  throw new WhittleError({
    code: 'not_a_model',
    message:
      pickles.length > 0
        ? `${id} has its weights only as PyTorch pickles (${pickles[0].path}), which can hold code and are never opened.`
        : `${id} has no weights that Whittle reads among its ${files.length} files.`,
    allowed: 'safetensors beside config.json and tokenizer.json, or a GGUF file',
    action: 'Look for a version of the model with safetensors or GGUF.',
  });
}

/** Top level only, as transformers reads it: model.safetensors, else shards, else whatever single files there are. */
function safetensorsChoices(files: readonly HubFile[]): HubChoice[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const weights = files.filter(({ path }) => !path.includes('/') && path.endsWith('.safetensors'));
  const single = byPath.get('model.safetensors');
  if (single) return [safetensors('safetensors', [single], byPath)];
  const stems = new Map<string, HubFile[]>();
  for (const file of weights) {
    const stem = SHARD.exec(file.path)?.[1];
    if (stem !== undefined) stems.set(stem, [...(stems.get(stem) ?? []), file]);
  }
  const sharded = [...stems].map(([stem, shards]) => {
    const index = byPath.get(`${stem}.safetensors.index.json`);
    const expected = Number(SHARD.exec(shards[0].path)?.[3]);
    const choice = safetensors(
      stem === 'model' ? 'safetensors' : `${stem}.safetensors`,
      index ? [index, ...shards] : shards,
      byPath,
    );
    if (shards.length === expected) return choice;
    return { ...choice, problem: `Only ${shards.length} of ${expected} weight files are there.` };
  });
  const loose = weights.filter(({ path }) => !SHARD.test(path) && !path.startsWith('adapter_'));
  const alone = loose.map((file) => safetensors(file.path, [file], byPath));
  return [...sharded, ...alone].sort((a, b) => Number(b.key === 'safetensors') - Number(a.key === 'safetensors'));
}

function safetensors(key: string, weights: HubFile[], byPath: ReadonlyMap<string, HubFile>): HubChoice {
  const named = COMPANIONS.map((path) => byPath.get(path)).filter((file) => file !== undefined);
  const small = [...named, ...licenceFiles([...byPath.values()])];
  const files = [...small, ...weights];
  // vocab.json and merges.txt stand in for a tokenizer.json, as in OPT's own repositories.
  const isBuilt = ['vocab.json', 'merges.txt'].every((path) => byPath.has(path));
  const missing = [CONFIG, TOKENIZER].filter((path) => !byPath.has(path) && !(path === TOKENIZER && isBuilt));
  const problem = missing.length > 0 ? `There is no ${missing.join(' and no ')} beside the weights.` : undefined;
  return { key, kind: 'safetensors', files, bytes: totalBytes(files), problem };
}

/** A GGUF file holds its own tokenizer and settings; large ones are split into parts that belong together. */
function ggufChoices(files: readonly HubFile[]): HubChoice[] {
  const all = files.filter(({ path }) => /\.gguf$/i.test(path) && !/mmproj/i.test(path));
  const groups = new Map<string, HubFile[]>();
  for (const file of [...all].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const part = GGUF_PART.exec(file.path);
    const group = part ? `${part[1]} of ${part[3]}` : file.path;
    groups.set(group, [...(groups.get(group) ?? []), file]);
  }
  const licences = licenceFiles(files);
  return [...groups.values()].map((group) => gguf(group, licences)).sort((a, b) => a.bytes - b.bytes);
}

function gguf(parts: HubFile[], licences: readonly HubFile[]): HubChoice {
  const [{ path }] = parts;
  const expected = Number(GGUF_PART.exec(path)?.[3] ?? 1);
  const problem = parts.length === expected ? undefined : `Only ${parts.length} of ${expected} parts are there.`;
  const files = [...parts, ...licences];
  return { key: path, kind: 'gguf', files, bytes: totalBytes(files), problem };
}

/** The terms of use: at the top, as the model is. */
function licenceFiles(files: readonly HubFile[]): HubFile[] {
  return files.filter(({ path }) => LICENCE.test(path) && !NO_LICENCE.test(path));
}

/**
 * The choice that a reference means: the one whose name holds `file`, else safetensors, else the only one. Throws
 * `bad_option` where that leaves none or several, and `not_a_model` for one that cannot be opened.
 */
export function pickChoice(choices: readonly HubChoice[], file?: string): HubChoice {
  const wanted = file?.toLowerCase();
  const exact = choices.filter(({ key }) => key.toLowerCase() === wanted);
  const found = wanted === undefined ? preferred(choices) : exact.length > 0 ? exact : matching(choices, wanted);
  if (found.length !== 1) {
    throw new WhittleError({
      code: 'bad_option',
      message: `${found.length === 0 ? 'No weights are' : `${found.length} weights could be`} ${file === undefined ? 'meant' : JSON.stringify(file)}.`,
      allowed: choices.map(({ key }) => key).join(', '),
      action: 'Name one of them behind a colon: owner/name:file.gguf',
    });
  }
  if (found[0].problem)
    throw new WhittleError({
      code: 'not_a_model',
      message: found[0].problem,
      place: { file: found[0].key },
      allowed: 'config.json, a tokenizer and all weight files of one model',
      action: 'Choose another version of the model, for example a GGUF file, which holds all of it.',
    });
  return found[0];
}

/** What is shown first to a person who can still choose another: the one that is meant, else the first that opens. */
export function preferredChoice(choices: readonly HubChoice[], file?: string): HubChoice {
  const named = file === undefined ? [] : matching(choices, file.toLowerCase()).filter(({ problem }) => !problem);
  return named[0] ?? preferred(choices)[0];
}

function matching(choices: readonly HubChoice[], wanted: string): HubChoice[] {
  return choices.filter(
    ({ key, files }) => key.toLowerCase().includes(wanted) || files.some(({ path }) => path.toLowerCase() === wanted),
  );
}

function preferred(choices: readonly HubChoice[]): HubChoice[] {
  const usable = choices.filter(({ problem }) => !problem);
  const standard = usable.filter(({ key }) => key === 'safetensors');
  if (standard.length > 0) return standard;
  return usable.length > 0 ? usable : choices.slice(0, 1);
}
