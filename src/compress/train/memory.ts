/** @file What training adapters needs, from shapes alone. */
import { memoryCosts } from '../../backend/memory_costs.ts';
import type { ModelOutline, WeightOutline } from '../../models/decoder_model.ts';
import { groupsOf } from '../../models/packed/packing.ts';
import { keepsLogits } from '../../runtime/backward/head.ts';
import { keptWidth, stepPlan } from '../../runtime/backward/kept_layers.ts';
import { MOST_READ_BYTES } from '../../runtime/backward/training.ts';
import { DEFAULT_STATE_BUDGET, vocabularyBlockRows } from '../../runtime/budgets.ts';
import { PlannedStates } from '../../runtime/estimate.ts';
import { layerWidths, type OutlinePlanner, telling } from '../../runtime/estimate_outline.ts';
import { rowsPerBatch, windowsPerBatch } from '../../runtime/windows.ts';
import { elementCount } from '../../tensor/shape.ts';
import { foundMemory, plannerOf } from '../memory/planner.ts';
import { type JobMemory, MARGIN, type MemoryPlan } from '../slicegpt/estimate.ts';
import { isTrained, linearPlaces, type WholeOptions, wholeRefs } from './linears.ts';
import type { StepOptions, TrainingOptions } from './options.ts';
import { heldOut } from './schedule.ts';

/** What training a linear takes, in numbers of the backend. */
export interface LinearMemory {
  /** What steps change: held with its gradient and two moments. */
  readonly trained: readonly number[];
  /** What stays on the device beside it: masks, grids. */
  readonly beside?: readonly number[];
  /** While its layer is loaded there is a second matrix: before it was rounded, or codes. */
  readonly isTwice?: boolean;
  /** Matrices of its size that its gradient needs. */
  readonly products?: number;
}

/** Of a low-rank adapter, in the form that the weight has. */
export function adapterMemory({ shape, packed }: WeightOutline, rank: number): LinearMemory {
  const [rows, columns] = shape;
  const trained = [rank * columns, rows * rank];
  if (packed?.kind === 'sparse') return { trained, beside: [rows * columns], products: 2 };
  if (packed?.kind !== 'grouped') return { trained };
  const groups = rows * groupsOf(packed, columns);
  const zeros = packed.zero === 'symmetric' ? [] : [groups];
  return { trained, beside: [groups, ...zeros, ...(packed.ordered ? [columns] : [])], isTwice: true, products: 1 };
}

/**
 * Of low-rank adapters on all linears.
 */
export function trainingMemory(model: ModelOutline, options: TrainingOptions, plan: MemoryPlan): JobMemory {
  return memoryOfTraining(model, options, plan, (weight) =>
    isTrained(weight) ? adapterMemory(weight, options.rank) : undefined,
  );
}

/**
 * What is trained with gradients and two moments, one step of windows there and back, its inputs of layers kept, both heads.
 * @param of What each linear takes; undefined: it is not trained.
 */
export function memoryOfTraining(
  model: ModelOutline,
  options: StepOptions & WholeOptions,
  plan: MemoryPlan,
  of: (weight: WeightOutline) => LinearMemory | undefined,
): JobMemory {
  const { batch } = options;
  const { seqlen, samples } = plan.windows;
  const planner = plannerOf(plan, batch);
  const { ledger } = planner;
  const places = linearPlaces(model).flatMap(({ weight }) => {
    const memory = of(weight);
    return memory ? [{ weight, memory }] : [];
  });
  holdTrained(
    planner,
    model,
    options,
    places.map(({ memory }) => memory),
  );
  planner.rotary(model);
  planner.rotary(model);
  const size = windowsPerBatch({ seqlen }, rowsPerBatch(plan.backend));
  const batches = Array.from({ length: Math.ceil(batch / size) }, (_, i) => seqlen * Math.min(size, batch - i * size));
  const D = model.config.hidden_size;
  for (const rows of batches) ledger.hold('activations', rows * D);
  // Batches go up and down in groups, the first of which is the largest; what is kept of layers is planned with its inputs.
  const step = stepPlan(model.layers, batches);
  const group = batches.slice(0, step.groups[0]);
  const inputs = new PlannedStates(ledger, plan.stateBudgetBytes ?? DEFAULT_STATE_BUDGET);
  const states = new PlannedStates(ledger);
  planner.embed(model, group, (x, i, elements) => states.put(i, x, elements));
  const [told, last] = [new Set(telling(model.layers)), model.layers.length - 1];
  for (const [l, layer] of model.layers.entries()) {
    const { input, output } = layerWidths(layer);
    const weights = told.has(l) ? planner.layer(layer, false) : [];
    for (const [i, rows] of group.entries()) {
      const x = states.take(i, rows * input);
      if (l >= step.keptFrom) ledger.hold('activations', rows * keptWidth(layer));
      inputs.put(l * group.length + i, ledger.hold('activations', rows * input), rows * input);
      states.put(i, planner.run(layer, x, rows), rows * output);
    }
    ledger.free(...weights);
  }
  const spilled = inputs.spilledBytes;
  ledger.freeWorkspace();
  headThereAndBack(planner, model, group, layerWidths(model.layers[last]).output);
  // The widest layer on the way down: what arises in it, and a gradient of each.
  const layer = model.layers.reduce((most, each) => (layerBytes(each) > layerBytes(most) ? each : most));
  const held = planner.layer(layer, false);
  const rows = Math.max(...group);
  const d = layerWidths(layer);
  for (const name of ['kept', 'gradient']) {
    ledger.workspace(`${name} attention`, rows * (d.input + 2 * d.query + 2 * d.key));
    ledger.workspace(`${name} mlp`, rows * (d.middle + (layer.mlp.gate_proj ? 3 : 2) * d.inner));
  }
  const twice = new Map(places.map(({ weight, memory }) => [weight, memory.isTwice ?? false]));
  for (const { weight } of linearPlaces({ ...model, layers: [layer] })) {
    if (twice.get(weight)) held.push(ledger.hold('matrices', elementCount(weight.shape)));
  }
  const products = Math.max(0, ...places.map(({ memory }) => memory.products ?? 0));
  const largest = Math.max(0, ...places.map(({ weight }) => elementCount(weight.shape)));
  for (let i = 0; i < products; i++) ledger.workspace(`product ${i}`, largest);
  ledger.workspace('states', rows * (2 * d.middle + d.output));
  ledger.free(...held);
  const tables = places.flatMap(({ memory }) => memory.trained);
  const trained = tables.reduce((sum, numbers) => sum + numbers, 0);
  const teacher = 4 * samples * seqlen * D;
  // Of what is written down few tables are on the host at once: as they were read, a piece of bytes, and what is not collected yet.
  const host = Math.min(12 * trained, 3 * Math.max(MOST_READ_BYTES, ...tables.map((numbers) => 4 * numbers)));
  // The first and the best wait in storage; a checkpoint has the best, and all with two moments: the last stays while the next is
  // written. Factors are kept beside what they are merged into.
  return foundMemory(planner, model, { host, spill: spilled + teacher + 44 * trained });
}

/** What is trained, with its gradients and moments. @param linears Those that are. */
export function holdTrained(
  { ledger }: Pick<OutlinePlanner, 'ledger'>,
  model: ModelOutline,
  options: WholeOptions,
  linears: readonly LinearMemory[],
): void {
  for (const { trained, beside = [] } of linears) {
    for (let i = 0; i < 4; i++) for (const numbers of trained) ledger.hold('matrices', numbers);
    for (const numbers of beside) ledger.hold('matrices', numbers);
  }
  for (const { shape } of wholeRefs(model, options)) {
    for (let i = 0; i < 4; i++) ledger.hold('matrices', elementCount(shape));
  }
}

/** One layer at a time: its adapters, a step of its windows, both heads for the curve; four streams of all windows in storage. */
export function layerTrainingMemory(model: ModelOutline, options: TrainingOptions, plan: MemoryPlan): JobMemory {
  const layer = model.layers.reduce((most, each) => (layerBytes(each) > layerBytes(most) ? each : most));
  const { seqlen, samples } = plan.windows;
  const batch = Math.max(options.batch, heldOut(samples));
  const found = trainingMemory({ ...model, layers: [layer] }, { ...options, batch }, plan);
  // Input, output and its gradient, targets and what they count, the distance, and as many while the basis is told.
  const beside = 10 * batch * seqlen * model.config.hidden_size;
  const trained = linearPlaces({ ...model, layers: [layer] })
    .filter(({ weight }) => isTrained(weight))
    .flatMap(({ weight }) => adapterMemory(weight, options.rank).trained)
    .reduce((sum, numbers) => sum + numbers, 0);
  // What each layer learnt waits on the host, and is in two checkpoints and beside the weights; the layer in work has its best besides.
  const learnt = 4 * trained * model.layers.length;
  const host = { ...found.host, readback: found.host.readback + 8 * trained + learnt };
  const spill = 16 * samples * seqlen * model.config.hidden_size + 3 * learnt;
  return { ...withElements(found, beside, plan), host, storage: { ...found.storage, spill } };
}

/** With so many floats more on the device. */
export function withElements(found: JobMemory, elements: number, { backend }: MemoryPlan): JobMemory {
  const bytes = Math.ceil(MARGIN * memoryCosts(backend).floats(elements));
  const { breakdown } = found;
  return {
    ...found,
    device_bytes: found.device_bytes + bytes,
    breakdown: { ...breakdown, workspace: breakdown.workspace + bytes },
  };
}

/** With so many bytes more in storage while it runs. */
export function withStorage(found: JobMemory, bytes: number): JobMemory {
  return { ...found, storage: { ...found.storage, spill: found.storage.spill + bytes } };
}

function layerBytes(layer: ModelOutline['layers'][number]): number {
  return linearPlaces({ layers: [layer] } as unknown as ModelOutline).reduce(
    (sum, { weight }) => sum + elementCount(weight.shape),
    0,
  );
}

/** Logits of both heads, a block of the vocabulary at a time, or all where they are kept. */
function headThereAndBack(
  planner: ReturnType<typeof plannerOf>,
  { lm_head, config }: ModelOutline,
  batches: readonly number[],
  width: number,
): void {
  const { ledger, windows } = planner;
  const [vocabulary, columns] = lm_head.weight.shape;
  const most = Math.max(...batches);
  const size = vocabularyBlockRows(vocabulary, Math.max(columns, config.hidden_size), most, windows.maxTensorBytes);
  const held = batches.flatMap((rows) => [
    ledger.hold('activations', rows * width),
    ledger.hold('activations', 2 * rows * columns),
    ledger.hold('head', 11 * rows),
    ledger.holdIds('head', rows),
  ]);
  const heads = [columns, config.hidden_size].map((each) => ledger.load('head', size * each));
  const all = vocabulary * batches.reduce((sum, rows) => sum + rows, 0);
  const keeps = (hasTeacher: boolean) => size < vocabulary && keepsLogits(vocabulary, batches, hasTeacher);
  // A training without a teacher keeps more of its own.
  ledger.workspace('logits', keeps(false) ? all : most * size);
  ledger.workspace('teacher_logits', keeps(true) ? all : most * size);
  ledger.free(...held, ...heads);
  ledger.freeWorkspace();
}
