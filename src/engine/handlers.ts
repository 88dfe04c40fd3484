/** @file What does which command. Each is a part of its own, fetched with the first command of its kind. */

import { part } from '../errors/part.ts';
import { startTimeline, stopTimeline, timelineLanes } from '../pulse/timeline.ts';
import { diskTraffic } from '../pulse/traffic.ts';
import type { EnginePlatform } from './platform.ts';
import { type Emit, memoryReport } from './progress.ts';
import type { CommandKind, Commands } from './protocol.ts';
import type { EngineState } from './state.ts';

export type Handlers = {
  [K in CommandKind]: (
    request: Commands[K]['request'],
    emit: Emit,
    signal: AbortSignal,
  ) => Promise<Commands[K]['result']>;
};

const open = () => part(() => import('./open_command.ts'));
const texts = () => part(() => import('./texts_command.ts'));
const measure = () => part(() => import('./measure_commands.ts'));
const generate = () => part(() => import('./generate/generate_command.ts'));
const losses = () => part(() => import('./generate/losses_command.ts'));
const tasks = () => part(() => import('./tasks_command.ts'));
const compress = () => part(() => import('./compress_command.ts'));
const solve = () => part(() => import('./solve/solve_command.ts'));
const measureTime = () => part(() => import('./time/measure_time.ts'));
const recipeTime = () => part(() => import('./time/recipe_time.ts'));
const plan = () => part(() => import('./plan_command.ts'));
const planSolve = () => part(() => import('./solve/plan_solve.ts'));
const examples = () => part(() => import('./examples/set_examples.ts'));
const exporting = () => part(() => import('./export/export_command.ts'));
const writeImatrix = () => part(() => import('./imatrix/write_imatrix.ts'));
const setImatrix = () => part(() => import('./imatrix/set_imatrix.ts'));
const restore = () => part(() => import('./kept/restore_command.ts'));
const diff = () => part(() => import('./diff/diff_command.ts'));
const hub = () => part(() => import('./hub_commands.ts'));
const hubCache = () => part(() => import('../platform/hub/cache.ts'));

/** All but `start`, which is the engine's own. */
export function handlersOf(state: EngineState, platform: EnginePlatform): Omit<Handlers, 'start'> {
  return {
    timeline: async ({ record }) => {
      if (record === true) startTimeline();
      if (record === false) stopTimeline();
      return [...timelineLanes(), ...((await state.backend?.lanes?.()) ?? [])];
    },
    open: async (request, emit) => (await open()).openCommand(state, platform, request, emit),
    set_texts: async (settings, emit, signal) =>
      (await texts()).setTextsCommand(state, platform, settings, emit, signal),
    evaluate: async (request, emit, signal) =>
      (await measure()).evaluateCommand(state, platform, request, emit, signal),
    generate: async (request, emit, signal) =>
      (await generate()).generateCommand(state, platform, request, emit, signal),
    token_losses: async (request, emit, signal) => (await losses()).tokenLossesCommand(state, request, emit, signal),
    set_tasks: async ({ files, limit }) => (await tasks()).setTasksCommand(state, files, limit),
    score: async ({ target }, emit, signal) => (await tasks()).scoreCommand(state, target, emit, signal),
    calibrate: async ({ fusion }, emit, signal) =>
      (await measure()).calibrateCommand(state, platform, fusion, emit, signal),
    compress: async (request, emit, signal) =>
      (await compress()).compressCommand(state, platform, request, emit, signal),
    solve: async (request, emit, signal) => (await solve()).solveCommand(state, platform, request, emit, signal),
    solve_time: async (request, emit, signal) =>
      (await solve()).solveTimeCommand(state, platform, request, emit, signal),
    measure_time: async (_, __, signal) => (await measureTime()).measureTimeCommand(state, signal),
    recipe_time: async (request, _, signal) => (await recipeTime()).recipeTimeCommand(state, platform, request, signal),
    plan: async (request) => (await plan()).planCommand(state, request),
    plan_solve: async (request) => (await planSolve()).planSolveCommand(state, request),
    set_examples: async ({ files, add }) => (await examples()).setExamplesCommand(state, files, add),
    export: async (request, emit, signal) => (await exporting()).exportCommand(state, platform, request, emit, signal),
    write_imatrix: async (_, emit, signal) => (await writeImatrix()).writeImatrixCommand(state, platform, emit, signal),
    set_imatrix: async ({ file }) => (await setImatrix()).setImatrixCommand(state, file),
    restore: async (request) => (await restore()).restoreCommand(state, platform, request),
    diff: async (request, emit, signal) => (await diff()).diffCommand(state, platform, request, emit, signal),
    discard: async ({ id }) => {
      await state.dropRun(id);
      return null;
    },
    memory: async () => ({ ...memoryReport(state), disk: diskTraffic(state.disk_before) }),
    room: async ({ needed }) => (await platform.freeStorage?.(needed)) ?? null,
    hub_lookup: async ({ name }, _, signal) => (await hub()).lookUpCommand(platform, name, signal),
    hub_download: async ({ plan }, emit, signal) => (await hub()).downloadCommand(state, platform, plan, emit, signal),
    hub_cache: async () => (await hubCache()).listCache(),
    hub_delete: async ({ keys }) => (await hub()).deleteCommand(keys),
  };
}
