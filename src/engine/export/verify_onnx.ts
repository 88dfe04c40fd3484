/**
 * @file Runs a written ONNX file in the builds of onnxruntime-web that it is for: every window in one of them, side by side where
 * they were opened together. Each build's windows are compared with the app's of the same, and what all builds run with the first.
 */
import { isOnnxFile } from '../../export/file_names.ts';
import { ignoresWhatFollows } from '../../models/prefix.ts';
import { inSpan } from '../../pulse/timeline.ts';
import { countTraffic } from '../../pulse/traffic.ts';
import { summarize } from '../../runtime/perplexity.ts';
import type { Numbers } from '../measure_commands.ts';
import type { ProgressMeter } from '../progress.ts';
import type { EngineState } from '../state.ts';
import type { RuntimeBuild, RuntimeCheck } from '../verify/builds.ts';
import { meanLoss } from '../verify/losses.ts';
import type { OnnxFile, VerifyOptions, VerifyResult } from '../verify/session.ts';
import { idsOf, mergeLosses, partOfFirst, pickWindows, type Share, sharesOf, wholeWindows } from '../verify/shares.ts';
import type { AppLogits } from './app_logits.ts';
import { assertClose, assertLogits, largestDifference } from './comparison.ts';
import type { OnnxVerifiers } from './verifiers.ts';
import type { VerificationSubject, Verified } from './verify_export.ts';

/** What an ONNX file is run in, and compared with. */
export interface OnnxCheck {
  verifiers: OnnxVerifiers;
  app: AppLogits;
}

/** Throws `verification_failed`, `cancelled`. */
export async function verifyOnnx(
  state: EngineState,
  { verifiers, app }: OnnxCheck,
  { folder, files, model, in_app }: VerificationSubject,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<Verified> {
  const { evaluation: windows } = state.requireTexts();
  const { seqlen } = windows;
  const { builds } = verifiers;
  const names = files.map(({ name }) => name).filter(isOnnxFile);
  const onnx = await Promise.all(
    names.map(async (name) => ({ name, file: await folder.file(name), path: `${folder.path}/${name}` })),
  );
  const canCut = ignoresWhatFollows(model, partOfFirst(seqlen), seqlen);
  const shares = sharesOf(windows.count, seqlen, builds.length, canCut);
  const run = runner(onnx, windows, shares, verifiers, meter, signal);

  const beside = verifiers.areTogether ? builds.map((_, i) => run(i)) : [];
  // What is wrong in the first is told, whatever is wrong in others.
  for (const job of beside) job.catch(() => undefined);
  const results: VerifyResult[] = [];
  for (const [i, build] of builds.entries()) {
    const result = await (beside[i] ?? run(i));
    results.push(result);
    const where = builds.length > 1 ? ` in onnxruntime-web's build "${build}"` : '';
    compareWithApp(result, shares[i], seqlen, in_app, where);
    assertLogits(result.first_logits, shares[i].first_tokens, model.lm_head.weight.shape[0]);
    if (i > 0) compareWithFirst(result, results[0], shares[i], windows, where, builds[0]);
  }
  const losses = results.map(({ window_losses }) => window_losses);
  const { perplexity } = summarize(mergeLosses(shares, losses));
  assertClose({ found: perplexity, expected: in_app.perplexity, against: 'the app' });
  const first = results.map(({ first_logits }) => first_logits);
  return {
    perplexity,
    max_abs_logit_difference: largestDifference(await app.get(), first),
    runtimes: results.map((result, i) => checkOf(builds[i], result, wholeWindows(shares[i], seqlen).length)),
    needs_onnxruntime: results[0].needs_onnxruntime,
  };
}

type EvaluationWindows = ReturnType<EngineState['requireTexts']>['evaluation'];

/** Runs the share of a build, told as a part of all tokens that will be run. */
function runner(
  onnx: readonly OnnxFile[],
  windows: EvaluationWindows,
  shares: readonly Share[],
  verifiers: OnnxVerifiers,
  meter: ProgressMeter,
  signal: AbortSignal,
): (index: number) => Promise<VerifyResult> {
  const { seqlen } = windows;
  const tokensOf = ({ first_tokens }: Share, count: number) => (count > 0 ? first_tokens + (count - 1) * seqlen : 0);
  const all = shares.reduce((sum, share) => sum + tokensOf(share, share.windows.length), 0);
  const done = new Map<RuntimeBuild, number>();
  const tell = (build: RuntimeBuild, tokens: number, step: string) => {
    done.set(build, tokens);
    const sum = [...done.values()].reduce((total, each) => total + each, 0);
    meter.report({ fraction: sum / all, step, tokens: sum });
  };
  return async (index) => {
    const build = verifiers.builds[index];
    const share = shares[index];
    tell(build, 0, `opening the ONNX file in onnxruntime-web (${build})`);
    const step = `running the ONNX file in onnxruntime-web (${build})`;
    const verifier = verifiers.of(build);
    const onWindow: VerifyOptions['onWindow'] = (last) => tell(build, tokensOf(share, last + 1), step);
    const onPart: VerifyOptions['onPart'] = (runs, total) =>
      tell(build, (runs / total) * tokensOf(share, share.windows.length), `${step}, in parts`);
    const options = { signal, onWindow, onPart };
    const job = inSpan(`verification (${build})`, () => verifier.verify(onnx, pickWindows(windows, share), options));
    const result = await job.finally(() => verifier.close());
    countTraffic('files_read', result.bytes_read ?? 0);
    return result;
  };
}

function compareWithApp(
  { window_losses }: VerifyResult,
  share: Share,
  seqlen: number,
  in_app: Numbers,
  where: string,
): void {
  const whole = wholeWindows(share, seqlen);
  const perplexityOf = (losses: readonly number[]) => summarize(losses).perplexity;
  assertClose({
    found: perplexityOf(whole.map(({ place }) => window_losses[place])),
    expected: perplexityOf(whole.map(({ index }) => in_app.window_losses[index])),
    where,
    against: where ? 'the app for the same windows' : 'the app',
  });
}

/** Of the tokens that both ran. @param windows Of the evaluation text. */
function compareWithFirst(
  { window_losses }: VerifyResult,
  first: VerifyResult,
  { first_tokens }: Share,
  windows: EvaluationWindows,
  where: string,
  build: RuntimeBuild,
): void {
  const isWhole = first_tokens === windows.seqlen;
  const rows = (first.first_logits.length / windows.seqlen) * first_tokens;
  const expected = isWhole
    ? first.window_losses[0]
    : meanLoss(first.first_logits.subarray(0, rows), idsOf({ ...windows, first_tokens }, 0));
  assertClose({
    found: Math.exp(window_losses[0]),
    expected: Math.exp(expected),
    where,
    against: `its build "${build}"`,
  });
}

function checkOf(build: RuntimeBuild, { version, parts }: VerifyResult, windows: number): RuntimeCheck {
  return { name: 'onnxruntime-web', version, build, windows, ...(parts && { parts }) };
}
