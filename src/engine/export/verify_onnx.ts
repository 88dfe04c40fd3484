/**
 * @file Runs a written ONNX file in the builds of onnxruntime-web that it is for: every window in one of them, side by side where
 * they were opened together. Each build's windows are compared with the app's of the same, all together and one by one, and the logits
 * of the first of them.
 */
import { isOnnxFile } from '../../export/file_names.ts';
import { inputLabels } from '../../models/input_quantization.ts';
import { inSpan } from '../../pulse/timeline.ts';
import { countTraffic } from '../../pulse/traffic.ts';
import { summarize } from '../../runtime/perplexity.ts';
import type { Numbers } from '../measure_commands.ts';
import type { ProgressMeter } from '../progress.ts';
import type { EngineState } from '../state.ts';
import type { RuntimeBuild, RuntimeCheck } from '../verify/builds.ts';
import type { OnnxFile, VerifyOptions, VerifyResult } from '../verify/session.ts';
import { mergeLosses, pickWindows, type Share, sharesOf } from '../verify/shares.ts';
import type { AppLogits } from './app_logits.ts';
import { assertClose, assertLogits, largestDifference, windowTolerance } from './comparison.ts';
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
  const { builds } = verifiers;
  const names = files.map(({ name }) => name).filter(isOnnxFile);
  const onnx = await Promise.all(
    names.map(async (name) => ({ name, file: await folder.file(name), path: `${folder.path}/${name}` })),
  );
  const shares = sharesOf(windows.count, builds.length);
  const isRounded = inputLabels(model).length > 0;
  const run = runner(onnx, windows, shares, verifiers, meter, signal);

  const beside = verifiers.areTogether ? builds.map((_, i) => run(i)) : [];
  // What is wrong in the first is told, whatever is wrong in others.
  for (const job of beside) job.catch(() => undefined);
  const results: Omit<VerifyResult, 'first_logits'>[] = [];
  let max_abs_logit_difference = 0;
  for (const [i, build] of builds.entries()) {
    const { first_logits, ...result } = await (beside[i] ?? run(i));
    results.push(result);
    const where = builds.length > 1 ? ` in onnxruntime-web's build "${build}"` : '';
    compareWithApp(result.window_losses, shares[i], in_app, { where, isRounded });
    assertLogits(first_logits, windows.seqlen, model.lm_head.weight.shape[0]);
    const difference = largestDifference(await app.get(shares[i][0]), [first_logits]);
    max_abs_logit_difference = Math.max(max_abs_logit_difference, difference);
  }
  const losses = results.map(({ window_losses }) => window_losses);
  const { perplexity } = summarize(mergeLosses(shares, losses));
  assertClose({ found: perplexity, expected: in_app.perplexity, against: 'the app', isRounded });
  return {
    perplexity,
    max_abs_logit_difference,
    runtimes: results.map((result, i) => checkOf(builds[i], result, shares[i].length)),
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
  const all = shares.reduce((sum, share) => sum + share.length * seqlen, 0);
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
    const onWindow: VerifyOptions['onWindow'] = (last) => tell(build, (last + 1) * seqlen, step);
    const onPart: VerifyOptions['onPart'] = (runs, total) =>
      tell(build, (runs / total) * share.length * seqlen, `${step}, in parts`);
    const options = { signal, onWindow, onPart };
    const job = inSpan(`verification (${build})`, () => verifier.verify(onnx, pickWindows(windows, share), options));
    const result = await job.finally(() => verifier.close());
    countTraffic('files_read', result.bytes_read ?? 0);
    return result;
  };
}

function compareWithApp(
  losses: readonly number[],
  share: Share,
  in_app: Numbers,
  { where, isRounded }: { where: string; isRounded: boolean },
): void {
  const expected = share.map((index) => in_app.window_losses[index]);
  assertClose({
    found: summarize(losses).perplexity,
    expected: summarize(expected).perplexity,
    where,
    against: where ? 'the app for the same windows' : 'the app',
    isRounded,
  });
  for (const [place, index] of share.entries()) {
    assertClose({
      found: Math.exp(losses[place]),
      expected: Math.exp(expected[place]),
      where: `${where} for window ${index + 1}`,
      against: 'the app for the same',
      tolerance: windowTolerance(share.length),
      isRounded,
    });
  }
}

function checkOf(
  build: RuntimeBuild,
  { version, parts }: Pick<VerifyResult, 'version' | 'parts'>,
  windows: number,
): RuntimeCheck {
  return { name: 'onnxruntime-web', version, build, windows, ...(parts && { parts }) };
}
