/**
 * @file In-context learning distillation (arXiv 2212.10670): the dense model reads other examples before each prompt, the student reads the
 * prompt alone, and learns to give each token of the answer what the dense model gives it.
 */
import type { Pair } from '../../formats/pairs/read_pairs.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { teacherInputs } from '../../runtime/backward/teacher.ts';
import { batchesOf, rowsPerBatch, type TokenWindows, windowsPerBatch } from '../../runtime/windows.ts';
import type { ExampleTokens, Shot, Wording } from '../examples/examples.ts';
import type { ExampleWindows } from '../examples/windows.ts';
import type { PassContext } from '../method.ts';
import type { StateValues } from '../train/kept_states.ts';
import { shuffled } from '../train/random.ts';

/** A prompt with its answer, as the student reads it and as the dense model does. */
export interface Conditioned {
  readonly student: ExampleTokens;
  readonly teacher: ExampleTokens;
}

/**
 * @param pool How many of the first pairs examples are drawn from: those that are trained on.
 * @param most Tokens that the dense model has room for: as many examples as fit.
 */
export async function conditioned(
  wording: Wording,
  pairs: readonly Pair[],
  index: number,
  {
    shots,
    seed,
    pool,
    most,
  }: { readonly shots: number; readonly seed: number; readonly pool: number; readonly most: number },
): Promise<Conditioned | undefined> {
  const pair = pairs[index];
  const answer = pair.completion ?? '';
  const student = await wording.answered([], pair, answer);
  const others = shuffled(pool, seed, 7, index).filter((each) => each !== index);
  for (let count = Math.min(shots, others.length); count >= 0; count--) {
    const before = others.slice(0, count).map((each): Shot => {
      return { question: pairs[each], answer: pairs[each].completion ?? '' };
    });
    const teacher = await wording.answered(before, pair, answer);
    if (teacher.ids.length > most) continue;
    return isSame(student, teacher) ? { student, teacher } : undefined;
  }
  return undefined;
}

/** Whether both have the same tokens to give. */
function isSame(a: ExampleTokens, b: ExampleTokens): boolean {
  const [x, y] = [a.ids.subarray(a.from), b.ids.subarray(b.from)];
  return x.length === y.length && x.every((id, i) => id === y[i]);
}

/** Batches that go through the dense model together: each pass reads its weights once. */
const TOGETHER = 4;

/** What the dense head reads of the answers, put where the student's rows stand; zeros elsewhere. */
export async function conditionedRows(
  context: PassContext,
  teachers: readonly ExampleTokens[],
  { windows, spans }: ExampleWindows,
  put: (rows: StateValues) => Promise<void>,
  onProgress: (fraction: number) => void,
): Promise<void> {
  const { backend } = context;
  const size = Math.max(...teachers.map(({ ids }) => ids.length));
  const each = TOGETHER * windowsPerBatch({ seqlen: size }, rowsPerBatch(backend.info));
  for (let first = 0; first < teachers.length; first += each) {
    const group = teachers.slice(first, first + each);
    await withArena(backend, async (arena) => {
      for (const [i, states] of (await statesOf(arena, context, group, size)).entries()) {
        await put(moved(states, size, group[i], spans[first + i], windows.seqlen));
      }
    });
    onProgress(Math.min(1, (first + each) / teachers.length));
  }
}

/** Of each, (seqlen, d). */
async function statesOf(
  arena: Arena,
  { dense, backend, signal }: PassContext,
  group: readonly ExampleTokens[],
  seqlen: number,
): Promise<StateValues[]> {
  const ids = new Uint32Array(group.length * seqlen);
  for (const [i, example] of group.entries()) ids.set(example.ids, i * seqlen);
  const padded: TokenWindows = { seqlen, count: group.length, ids, totalTokens: ids.length };
  const batches = batchesOf(padded, 0, group.length, rowsPerBatch(backend.info));
  const inputs = await teacherInputs(arena, dense, padded, batches, signal);
  const found: StateValues[] = [];
  for (const [i, { count }] of batches.entries()) {
    const values = await backend.read(inputs[i]);
    const one = values.length / count;
    for (let w = 0; w < count; w++) found.push(values.subarray(w * one, (w + 1) * one) as StateValues);
  }
  return found;
}

/** Row r of the student predicts token r + 1; the dense model's row before the same token of the answer goes there. */
function moved(
  states: StateValues,
  size: number,
  teacher: ExampleTokens,
  { from, length }: ExampleWindows['spans'][number],
  seqlen: number,
): StateValues {
  const width = states.length / size;
  const rows = states instanceof Float64Array ? new Float64Array(seqlen * width) : new Float32Array(seqlen * width);
  const source = teacher.from - 1;
  rows.set(states.subarray(source * width, (source + length - from) * width), (from - 1) * width);
  return rows;
}
