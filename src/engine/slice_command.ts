/** @file Command `slice`: makes a sliced model with either schedule and keeps it until it is discarded. */

import { makeRecipe, withoutDefaults } from '../compress/recipe/recipe.ts';
import { slicedParts, totalElements } from '../compress/slicegpt/parts.ts';
import { assertSliceable } from '../compress/slicegpt/permits.ts';
import { constantDimensions, resolveHead, sliceDimension } from '../compress/slicegpt/plan.ts';
import { slicegpt } from '../compress/slicegpt/slicegpt.ts';
import { worstCertificate } from '../compress/slicegpt/verdict.ts';
import { WhittleError } from '../errors/errors.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { countParameters, modelBytes } from '../models/model_size.ts';
import { fileBytes } from './file_bytes.ts';
import { giveUp, JobCheckpoints } from './kept/checkpoints.ts';
import { compressionContext, denseBases } from './measure_commands.ts';
import type { EnginePlatform } from './platform.ts';
import { type Emit, memoryReport, ProgressMeter } from './progress.ts';
import type { RunReport, SlicedRun, SliceOptions, SliceReport } from './protocol.ts';
import { modelSizes } from './sizes.ts';
import type { EngineState } from './state.ts';
import { assertStorage, slicingStorage, writtenBySlicing } from './storage_check.ts';

export async function sliceCommand(
  state: EngineState,
  platform: EnginePlatform,
  options: SliceOptions,
  emit: Emit,
  signal: AbortSignal,
): Promise<SlicedRun> {
  const { open, summary } = state.requireModel();
  const { protocol } = state.requireTexts();
  assertSliceable(open.model);
  const head = resolveHead(options.head, summary.shape);
  const dimension = sliceDimension(summary.shape.hidden_size, options.sparsity, options.round);
  const started = performance.now();
  const bases =
    options.schedule === 'rotate-once' ? await denseBases(state, platform, options.fusion, emit, signal) : undefined;
  const storage = slicingStorage(state, { schedule: options.schedule, head, dimension });
  await assertStorage(platform, 'Slicing this model', writtenBySlicing(storage, options.schedule));
  const checkpoints = await JobCheckpoints.open(state, platform, { kind: 'slice', options });
  const scratch = await platform.createScratch();
  try {
    const meter = new ProgressMeter(emit, 'compression', () => memoryReport(state));
    const context = compressionContext(state, platform, scratch, options.schedule, meter, emit, signal);
    const compressed = await slicegpt.compress(
      open.model,
      { ...options, head, denseBases: bases?.bases },
      {
        ...context,
        ...(checkpoints && { checkpoints: checkpoints.layers(JSON.stringify(options)) }),
      },
    );
    const parts = slicedParts(summary.shape, constantDimensions(summary.shape, dimension, head), head);
    const parameters = countParameters(compressed.model);
    assertPlanned(parameters, totalElements(parts));
    const report: SliceReport = {
      id: state.newId('slice'),
      options,
      head,
      dimension,
      parameters,
      bytes: modelBytes(compressed.model),
      parts,
      sites: [...compressed.sites],
      discarded_energy: compressed.sites.map((site) => site.discarded_energy),
      certificate: worstCertificate(compressed.sites),
      duration_ms: performance.now() - started,
    };
    const run = runOf(state, report, compressed.model);
    state.runs.set(report.id, {
      run,
      slice: report,
      calibration: protocol,
      model: compressed.model,
      scratch: [scratch, ...(checkpoints?.scratch ?? [])],
      exports: new Map(),
    });
    await checkpoints?.close();
    return { ...report, run };
  } catch (error) {
    await giveUp(error, signal, checkpoints, [scratch]);
    throw error;
  }
}

/** The same run as a recipe of one step. */
function runOf(state: EngineState, report: SliceReport, model: DecoderModel): RunReport {
  const { id, options, parts, duration_ms, certificate } = report;
  const { sparsity, ...others } = options;
  const short = withoutDefaults({ method: 'slicegpt', options: others });
  // The sparsity is said even where it is the default: it is what these runs are told apart by.
  const recipe = makeRecipe([{ ...short, options: { sparsity, ...short.options } }]);
  const step = { ...recipe.steps[0], seconds: duration_ms / 1000, units: [], certificate };
  return {
    id,
    recipe: recipe.text,
    steps: [step],
    ...modelSizes(model, state.requireModel().summary.parameters),
    stored_bytes: modelBytes(model),
    file_bytes: fileBytes(model),
    parts,
    duration_ms,
  };
}

/** The slider promises a size before anything is computed; what was built must be exactly that. */
function assertPlanned(parameters: number, planned: number): void {
  if (parameters === planned) return;
  throw new WhittleError({
    code: 'internal',
    message: `The sliced model has ${parameters} parameters where ${planned} were planned.`,
    action: 'This is a fault in Whittle. Please report it with the model and the settings.',
  });
}
