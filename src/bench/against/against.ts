/** @file `--against torch`: the same job by Whittle on its CPU backend and by torch, in turn, stage by stage. */
import { openAsBlob } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modelFiles, textFile } from '../../cli/inputs.ts';
import { MOST_THREADS } from '../../engine/compute_threads.ts';
import type { Report } from '../../engine/report.ts';
import { resolveBos } from '../../formats/tokenizer/bos.ts';
import type { Tokenizer } from '../../formats/tokenizer/tokenizer.ts';
import { openModel } from '../../models/open_model.ts';
import { cutWindows, type TokenWindows, tokensNeeded } from '../../runtime/windows.ts';
import { APP, say } from '../bench_browser.ts';
import { MODEL_PATIENCE_MS, runOn } from '../job_section.ts';
import type { BenchOptions } from '../options.ts';
import { type AgainstReport, againstReport, type Round, type TorchRound } from './compare.ts';
import { findTorch, runPython } from './python.ts';
import { writeTorchModel } from './torch_model.ts';
import { type TrainingRound, trainingFigure, trainingRound } from './training_section.ts';

const SCRIPT = fileURLToPath(new URL('../../../tools/bench/torch_job.py', import.meta.url));
const SEQLEN = 256;
const SPARSITY = 0.25;
/** Dimensions are whole multiples of it. */
const ROUND = 8;

interface Inputs {
  /** Undefined for the built-in model. */
  model?: string;
  calibration?: string;
  evaluation?: string;
}

/** @throws `bad_option` without a Python that has torch, or for a model that the script cannot run. */
export async function measureAgainst(options: BenchOptions, against: { python?: string }): Promise<AgainstReport> {
  const python = await findTorch(against.python);
  const inputs = await inputsOf(options);
  const windows = options.quick ? 2 : 8;
  const rounds = options.rounds ?? (options.quick ? 1 : 3);
  const threads = Math.min(MOST_THREADS, availableParallelism());
  const folder = await mkdtemp(join(tmpdir(), 'whittle-torch-'));
  try {
    say(`against torch ${python.torch}: writing the weights for it`);
    await writeJob(folder, inputs, windows);
    const done: Round[] = [];
    const trained: TrainingRound[] = [];
    let report: Report | undefined;
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}: Whittle`);
      report = await runOn('cpu', whittleOptions(inputs, windows), MODEL_PATIENCE_MS);
      say(`round ${round} of ${rounds}: torch`);
      const answer = await runPython(python.command, [SCRIPT, folder, `${threads}`], MODEL_PATIENCE_MS);
      done.push({ whittle: report, torch: JSON.parse(answer) as TorchRound });
      say(`round ${round} of ${rounds}: training by both`);
      trained.push(await trainingRound(textOptions(inputs), folder, python.command, threads, SEQLEN));
    }
    return againstReport(done, trainingFigure(trained, SEQLEN));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function whittleOptions(inputs: Inputs, windows: number): string[] {
  return [
    ...textOptions(inputs),
    ...['--samples', `${windows}`, '--eval-samples', `${windows}`, '--seqlen', `${SEQLEN}`],
    ...['--sparsity', `${SPARSITY}`, '--round', `${ROUND}`],
  ];
}

function textOptions({ model, calibration, evaluation }: Inputs): string[] {
  const given = Object.entries({
    '--model': model ?? 'demo',
    '--calibration': calibration,
    '--evaluation': evaluation,
  });
  return given.flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

/** Without `--model`: the GGUF below `smol` in the folder that LAB_DATA names, where there is one, else the built-in model. */
async function inputsOf({ model, calibration, evaluation }: BenchOptions): Promise<Inputs> {
  const { LAB_DATA } = process.env;
  if (model !== undefined || !LAB_DATA) return { model, calibration, evaluation };
  const folder = join(LAB_DATA, 'smol');
  const names = await readdir(folder, { recursive: true }).catch((): string[] => []);
  const found = names.sort().find((name) => name.toLowerCase().endsWith('.gguf'));
  return { model: found && join(folder, found), calibration, evaluation };
}

/** What torch computes with: Whittle's own reading of the files, and the windows that its engine cuts. */
async function writeJob(folder: string, { model, calibration, evaluation }: Inputs, count: number): Promise<void> {
  const paths = (model === undefined ? undefined : modelFiles(model)) ?? (await demoFiles());
  const files = paths.map(async ({ path, name }) => ({ path: name, blob: await openAsBlob(path) }));
  const { model: opened, config, tokenizer } = await openModel(await Promise.all(files));
  const cut = async (path: string | undefined, role: string) => {
    const file = textFile(path, role) ?? join(APP, 'demo', `${role}.txt`);
    return windowsOf(await readFile(file, 'utf8'), basename(file), tokenizer, config.model_type, count);
  };
  await writeTorchModel(folder, {
    model: opened,
    calibration: await cut(calibration, 'calibration'),
    evaluation: await cut(evaluation, 'evaluation'),
    width: Math.floor(((1 - SPARSITY) * config.hidden_size) / ROUND) * ROUND,
  });
}

async function demoFiles(): Promise<{ path: string; name: string }[]> {
  const folder = join(APP, 'demo');
  const names = (await readdir(folder)).filter((name) => !name.endsWith('.txt'));
  return names.map((name) => ({ path: join(folder, name), name: `demo/${name}` }));
}

function windowsOf(text: string, name: string, tokenizer: Tokenizer, family: string, count: number): TokenWindows {
  const start = { mode: resolveBos(undefined, family, tokenizer), bos: tokenizer.bos };
  const needed = tokensNeeded(SEQLEN, count, start);
  const ids = new Uint32Array(needed);
  let tokens = 0;
  for (const batch of tokenizer.streamPlain(text)) {
    ids.set(batch.slice(0, needed - tokens), tokens);
    tokens = Math.min(needed, tokens + batch.length);
    if (tokens === needed) break;
  }
  return cutWindows(ids.subarray(0, tokens), SEQLEN, count, name, start);
}
