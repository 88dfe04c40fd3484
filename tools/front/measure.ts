/**
 * @file Makes and measures the recipes of a file, one after another, by the engine under Node: a report for draw.ts, written after
 * each run, so that a long job can be stopped and gone on with. usage:
 *
 *     npx tsx tools/front/measure.ts REPORT.json RECIPES.txt
 *     MODEL=FILE.gguf TEXT=FILE WINDOWS=8 npx tsx tools/front/measure.ts REPORT.json RECIPES.txt
 *
 * A line is a recipe, or "target 35% onnx" (2.8MB, 4.5bpw): what the solver finds for that size in that format. Without MODEL the
 * built-in one, 16 windows of its own texts; with it the first half of TEXT's characters evaluates and the second calibrates. SEARCH=4
 * lets the solver look at so few of the calibration windows; what it finds is made and measured with all.
 */
import { existsSync, openAsBlob, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { readTarget } from '../../src/cli/target.ts';
import { parseRecipe } from '../../src/compress/recipe/recipe.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { ExportFormat, ModelSource, SolveReport, StepInput, TextSettings } from '../../src/engine/protocol.ts';
import { type RunFigures, runSummary } from '../../src/engine/report_runs.ts';
import { demoTexts } from '../../test/support/imatrix.ts';
import { memoryPlatform } from '../../test/support/memory_platform.ts';

const { MODEL, TEXT, WINDOWS = MODEL ? '8' : '16', SEARCH = WINDOWS } = process.env;
const [out, recipes] = process.argv.slice(2);
if (!out || !recipes || (MODEL && !TEXT))
  throw new Error('REPORT.json and RECIPES.txt are needed, and a TEXT for MODEL');

/** By line of the file, as far as this was measured. */
interface Measured {
  model: { name: string; bytes: number };
  dense: { perplexity: number };
  lines: string[];
  runs: RunFigures[];
}

const engine = new Engine(memoryPlatform());
await engine.run('start', { backend: 'cpu' });
const model = await engine.run('open', { source: await source() });
await engine.run('set_texts', texts(WINDOWS));
const dense = await engine.run('evaluate', { target: 'dense', quick: true });
const report: Measured = existsSync(out)
  ? JSON.parse(readFileSync(out, 'utf8'))
  : { model, dense: { perplexity: dense.perplexity }, lines: [], runs: [] };
for (const line of readFileSync(recipes, 'utf8').split('\n')) {
  if (line.trim() === '' || report.lines.includes(line)) continue;
  const started = performance.now();
  const { steps, solver } = await stepsOf(line);
  const run = await engine.run('compress', { steps });
  const evaluation = await engine.run('evaluate', { target: run.id, quick: true });
  const figures = runSummary({ run, evaluation }, dense.perplexity);
  const short = figures.steps.map(({ units: _, ...step }) => step);
  report.lines.push(line);
  report.runs.push({ ...figures, steps: short, ...(solver ? { solver } : { recipe: line }) });
  writeFileSync(out, JSON.stringify(report, null, 1));
  await engine.run('discard', { id: run.id });
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.info(line, figures.bytes, figures.perplexity, figures.kl_divergence, figures.top1_agreement, `${seconds} s`);
}

async function stepsOf(line: string): Promise<{ steps: readonly StepInput[]; solver?: SolveReport }> {
  const [, size, format] = /^target (\S+) (\S+)$/.exec(line) ?? [];
  if (!size) return { steps: parseRecipe(line).steps };
  const bits = /^(.*)bpw$/.exec(size)?.[1];
  const target = readTarget(bits === undefined ? size : undefined, bits);
  if (!target) throw new Error(`${size} is no size`);
  if (SEARCH !== WINDOWS) await engine.run('set_texts', texts(SEARCH));
  const solver = await engine.run('solve', { target, format: format as ExportFormat });
  if (SEARCH !== WINDOWS) await engine.run('set_texts', texts(WINDOWS));
  return { steps: parseRecipe(solver.candidates[0].recipe).steps, solver };
}

async function source(): Promise<ModelSource> {
  if (!MODEL) return { kind: 'demo' };
  return {
    kind: 'files',
    files: [{ path: basename(MODEL), file: new File([await openAsBlob(MODEL)], basename(MODEL)) }],
  };
}

function texts(windows: string): TextSettings {
  const sizes = { samples: Number(windows), eval_samples: Number(windows), seqlen: 256 };
  const part = (text: string, name: string) => ({ kind: 'text', name, text }) as const;
  if (!MODEL) {
    const { calibration, evaluation } = demoTexts();
    return { ...sizes, calibration: part(calibration, 'calibration'), evaluation: part(evaluation, 'evaluation') };
  }
  const all = Array.from(readFileSync(TEXT as string, 'utf8').replaceAll('\r\n', '\n'));
  const half = Math.floor(all.length / 2);
  return {
    ...sizes,
    evaluation: part(all.slice(0, half).join(''), `${basename(TEXT as string)}, first half`),
    calibration: part(all.slice(half).join(''), `${basename(TEXT as string)}, second half`),
  };
}
