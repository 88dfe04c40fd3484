/**
 * @file Commands `set_tasks` and `score`: multiple-choice tasks from files, and how often a model finds their right answers.
 */
import { readTask } from '../formats/tasks/read_task.ts';
import type { Task } from '../formats/tasks/task.ts';
import type { TaskScore } from '../runtime/tasks/accuracy.ts';
import { scoreTask } from '../runtime/tasks/score_task.ts';
import { type Emit, memoryReport, ProgressMeter } from './progress.ts';
import type { ScoreReport, TaskReport } from './protocol.ts';
import type { EngineState } from './state.ts';

/**
 * Reads all of them before one is taken; none takes those that are there away. What was scored with others is forgotten.
 * @param limit The first so many examples of each.
 * @throws `bad_jsonl`.
 */
export async function setTasksCommand(
  state: EngineState,
  files: readonly File[],
  limit: number | undefined,
): Promise<TaskReport[]> {
  const tasks: Task[] = [];
  for (const file of files) tasks.push(await readTask(file.name, file, limit));
  state.tasks = tasks;
  state.dropScores();
  return tasks.map(({ name, form, examples }) => ({ task: name, form, examples: examples.length }));
}

/** @throws `bad_jsonl` where the model's tokenizer makes nothing of an example, and what the backend throws. */
export async function scoreCommand(
  state: EngineState,
  target: 'dense' | string,
  emit: Emit,
  signal: AbortSignal,
): Promise<ScoreReport> {
  const { open } = state.requireModel();
  const model = target === 'dense' ? open.model : state.requireRun(target).model;
  const tokenizer = {
    tokenizer: open.tokenizer,
    begins: state.requireTexts().protocol.bos !== 'none',
    positions: model.config.max_position_embeddings,
  };
  const backend = state.requireBackend();
  const meter = new ProgressMeter(emit, 'tasks', () => memoryReport(state));
  const scores: TaskScore[] = [];
  for (const [index, task] of state.tasks.entries()) {
    const texts = task.examples.reduce((sum, { candidates }) => sum + candidates.length, 0);
    const onProgress = (share: number, scored: number) =>
      meter.report({
        fraction: (index + share) / state.tasks.length,
        step: `${task.name}, ${scored} of ${texts} answers`,
      });
    scores.push(await scoreTask(backend, model, tokenizer, task, { signal, onProgress }));
  }
  if (target === 'dense') state.denseScores = scores;
  else state.requireRun(target).scores = scores;
  return { target, tasks: scores };
}
