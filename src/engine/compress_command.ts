/** @file Command `compress`: runs a recipe pass by pass, each held to its plan, and keeps the model until it is discarded. */

import { planDifference } from '../compress/held_to_plan.ts';
import type { CompressedModel, PassContext } from '../compress/method.ts';
import type { Pass } from '../compress/recipe/passes.ts';
import { passesOf } from '../compress/recipe/passes.ts';
import { makeRecipe, type Recipe, withoutDefaults } from '../compress/recipe/recipe.ts';
import { modelShape, partSizes } from '../compress/slicegpt/model_shape.ts';
import { resolveHead, sliceDimension } from '../compress/slicegpt/plan.ts';
import { worstCertificate } from '../compress/slicegpt/verdict.ts';
import { WhittleError } from '../errors/errors.ts';
import type { DecoderModel, ModelOutline } from '../models/decoder_model.ts';
import { modelBytes } from '../models/model_size.ts';
import { joinedScratch, type ScratchStore } from '../models/scratch.ts';
import { quietly } from '../pulse/pulse.ts';
import { exampleFile, examplesKey, examplesOf, examplesProblem } from './examples/needed_examples.ts';
import { fileBytes } from './file_bytes.ts';
import { giveUp, inputKey, JobCheckpoints } from './kept/checkpoints.ts';
import { compressionContext, denseBases } from './measure_commands.ts';
import { passText } from './passes.ts';
import { assertPermitted, isOneSlicing } from './plan_command.ts';
import type { EnginePlatform } from './platform.ts';
import { type Emit, memoryReport, ProgressMeter } from './progress.ts';
import type { BasesReport, Commands, Fusion, RunReport, SlicegptOptions, StepReport } from './protocol.ts';
import { memoryPlanOf } from './recipe_memory.ts';
import { modelSizes } from './sizes.ts';
import type { Stage } from './stages.ts';
import type { EngineState } from './state.ts';
import { assertStorage } from './storage_check.ts';
import { writtenByRecipe } from './written_bytes.ts';

export async function compressCommand(
  state: EngineState,
  platform: EnginePlatform,
  { steps }: Commands['compress']['request'],
  emit: Emit,
  signal: AbortSignal,
): Promise<RunReport> {
  const recipe = makeRecipe(steps);
  const passes = passesOf(recipe.steps);
  const { open } = state.requireModel();
  state.requireTexts();
  const problem = examplesProblem(state, recipe.steps);
  if (problem) throw problem;
  assertPlannable(open.model, passes);
  const { needed } = writtenByRecipe(open.model, recipe.steps, memoryPlanOf(state));
  await assertStorage(platform, 'Compressing this model', needed);
  const checkpoints = await JobCheckpoints.open(state, platform, steps);
  return new RecipeRun(state, platform, recipe, emit, signal, checkpoints).run(passes);
}

/** What it depends on beside texts and its own words. */
function filesOf(state: EngineState, recipe: Recipe): Pick<RunReport, 'files'> {
  const { report } = state.importance ?? {};
  const files = { ...(report && { [report.name]: report.sha256 }), ...examplesOf(state, recipe.steps) };
  return Object.keys(files).length > 0 ? { files } : {};
}

/** Every pass, before minutes are spent on the first. */
function assertPlannable(model: ModelOutline, passes: readonly Pass[]): void {
  let outline = model;
  for (const pass of passes) {
    assertPermitted(pass, outline);
    outline = pass.method.plan(outline, pass.step.options as never);
  }
}

/** A method may hold loops that do not beat yet. */
const QUIET_S = 60;

class RecipeRun {
  private readonly started = performance.now();
  private readonly meter: ProgressMeter;
  private readonly stages: Stage[] = [];
  /** Those of them that this run made. */
  private readonly made: Stage[] = [];
  /** What a pass that failed was writing. */
  private readonly begun: ScratchStore[] = [];

  constructor(
    private readonly state: EngineState,
    private readonly platform: EnginePlatform,
    private readonly recipe: Recipe,
    private readonly emit: Emit,
    private readonly signal: AbortSignal,
    private readonly checkpoints: JobCheckpoints | undefined,
  ) {
    this.meter = new ProgressMeter(emit, 'compression', () => memoryReport(state));
  }

  async run(passes: readonly Pass[]): Promise<RunReport> {
    const { state, stages } = this;
    const { open, summary } = state.requireModel();
    const texts = state.requireTexts();
    const { importance } = state;
    try {
      let model: DecoderModel = open.model;
      // What the calibration text says, another file may say.
      let key = importance ? `${importance.report.sha256} ` : '';
      for (const [index, pass] of passes.entries()) {
        key = stageKey(key, pass) + examplesKey(state, pass.step);
        const known = this.made.length === 0 ? state.stages.find(key, texts) : undefined;
        const stage =
          known ?? (await this.doneBefore(key)) ?? (await this.stage(key, pass, model, index, passes.length));
        stages.push(stage);
        model = stage.model;
      }
      const run: RunReport = {
        id: state.newId(),
        recipe: recipeText(this.recipe),
        ...(importance && { imatrix: importance.report.name }),
        ...filesOf(state, this.recipe),
        steps: stages.flatMap(({ steps }) => steps),
        ...modelSizes(model, summary.parameters),
        stored_bytes: modelBytes(model),
        file_bytes: fileBytes(model),
        parts: partSizes(model),
        ...basesOf(this.recipe, stages, open.model),
        duration_ms: performance.now() - this.started,
      };
      await this.checkpoints?.close();
      await state.stages.hold(stages);
      const adapter = stages.at(-1)?.adapter;
      state.runs.set(run.id, {
        ...{ run, calibration: texts.protocol, model, adapter, scratch: [], stages, exports: new Map() },
      });
      return run;
    } catch (error) {
      await giveUp(error, this.signal, this.checkpoints, [...this.made.map(({ scratch }) => scratch), ...this.begun]);
      throw error;
    }
  }

  /** Of a pass that an engine before this one had finished in the same job. */
  private async doneBefore(key: string): Promise<Stage | undefined> {
    const done = await this.checkpoints?.pass(key);
    if (!done) return undefined;
    const { model, steps, sites, adapter } = done;
    const [first, ...others] = done.scratch;
    const scratch = joinedScratch(first ?? (await this.platform.createScratch()), others);
    const stage = { key, calibration: this.state.texts, model, scratch, steps, sites, adapter };
    this.made.push(stage);
    return stage;
  }

  /** Of a pass that no earlier recipe has done on the same model and text. */
  private async stage(key: string, pass: Pass, model: DecoderModel, index: number, count: number): Promise<Stage> {
    const begun = performance.now();
    const own = await this.platform.createScratch();
    try {
      const made = await this.pass(pass, key, model, own, index, count);
      const steps = stepReports(pass, made, (performance.now() - begun) / 1000);
      const { sites, adapter } = made;
      await this.checkpoints?.finished(key, { model: made.model, steps, sites, adapter });
      const scratch = joinedScratch(own, this.checkpoints?.scratch.splice(0) ?? []);
      const stage = { key, calibration: this.state.texts, model: made.model, scratch, steps, sites, adapter };
      this.made.push(stage);
      return stage;
    } catch (error) {
      this.begun.push(own);
      throw error;
    }
  }

  private async pass(
    pass: Pass,
    key: string,
    model: DecoderModel,
    store: ScratchStore,
    index: number,
    count: number,
  ): Promise<CompressedModel> {
    const { state, platform, emit, signal } = this;
    const { method, step, before, after } = pass;
    const planned = method.plan(model, step.options as never);
    const shared = compressionContext(state, platform, store, 'compressed', this.meter, emit, signal);
    const text = passText(pass);
    const context: PassContext = {
      ...shared,
      ...(this.checkpoints && { checkpoints: this.checkpoints.layers(key) }),
      dense: state.requireModel().open.model,
      before,
      after,
      recall: (what) => this.recall(what),
      importance: state.importance?.values,
      examples: (file, template) => exampleFile(state, step, file, template),
      checkpoint: state.checkpoints.of({
        ...{ key, calibration: state.requireTexts(), createScratch: () => platform.createScratch() },
        ...(platform.kept && { outer: { kept: platform.kept, key: inputKey(state) } }),
      }),
      observer: {
        ...shared.observer,
        onProgress: (progress) =>
          this.meter.report({
            ...progress,
            fraction: (index + progress.fraction) / count,
            // Of a recipe of one step the job's title says which.
            step: count > 1 ? `${method.name}: ${progress.step}` : progress.step,
          }),
        onTraining: (point, steps) => emit({ type: 'training', step: text, steps, point }),
      },
    };
    // A Worker that hangs in a method whose loops beat is known within seconds.
    const quiet_s = method.beats && after.length === 0 ? 0 : QUIET_S;
    const made = await quietly(quiet_s, () => method.run?.(model, step.options as never, context));
    if (!made) throw new WhittleError({ code: 'internal', message: `The method ${step.method} makes no model.` });
    const difference = planDifference(method, step, made.model, planned);
    if (difference === undefined) return made;
    throw new WhittleError({
      code: 'internal',
      message: `The step "${text}" made ${difference}.`,
      action: 'This is a fault in Whittle. Please report it with the model and the recipe.',
    });
  }

  /** What the engine keeps of the dense model between runs. */
  private recall<T>(what: string): Promise<T> | undefined {
    const [kind, fusion] = what.split(':');
    if (kind !== 'bases') return undefined;
    const found = denseBases(this.state, this.platform, fusion as Fusion, this.emit, this.signal);
    return found.then(({ bases }) => bases as T);
  }
}

/** What is the default is not said, but for a slicing's sparsity: it is what these runs are told apart by. */
function recipeText(recipe: Recipe): string {
  if (!isOneSlicing(recipe)) return recipe.text;
  const [{ method, options }] = recipe.steps;
  const short = withoutDefaults({ method, options });
  return makeRecipe([{ method, options: { sparsity: options.sparsity, ...short.options } }]).text;
}

/** Of a recipe that is one slicing. */
function basesOf(recipe: Recipe, stages: readonly Stage[], model: DecoderModel): { bases?: BasesReport } {
  if (!isOneSlicing(recipe)) return {};
  const options = recipe.steps[0].options as unknown as SlicegptOptions;
  const [{ sites }] = stages;
  const shape = modelShape(model);
  return {
    bases: {
      options,
      head: resolveHead(options.head, shape),
      dimension: sliceDimension(shape.hidden_size, options.sparsity, options.round),
      sites: [...sites],
      discarded_energy: sites.map((site) => site.discarded_energy),
      certificate: worstCertificate(sites),
    },
  };
}

/** Steps with complete options decide what a stage is. */
function stageKey(before: string, { before: modifiers, step, after }: Pass): string {
  return `${before}${JSON.stringify([modifiers, step, after])}`;
}

/** The pass's own step has its time and units; what ran within it is listed in its place. */
function stepReports(
  { before, step, after }: Pass,
  { units = [], sites, training }: CompressedModel,
  seconds: number,
): StepReport[] {
  const within = ({ method, options }: Pass['step']): StepReport => ({ method, options, seconds: 0, units: [] });
  const own: StepReport = {
    ...within(step),
    seconds,
    units: [...units],
    ...(units.length > 0 && { error: units.reduce((sum, { error }) => sum + error, 0) / units.length }),
    ...(sites.length > 0 && { certificate: worstCertificate(sites) }),
    ...(training && { training }),
  };
  return [...before.map(within), own, ...after.map(within)];
}
