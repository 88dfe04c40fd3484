/** @file What the dense model answers to prompts that have no answers: the teacher of black-box distillation, in the page. */
import { WhittleError } from '../../errors/errors.ts';
import type { Pair } from '../../formats/pairs/read_pairs.ts';
import { withArena } from '../../runtime/arena.ts';
import { sampler } from '../../runtime/decode/sampling.ts';
import type { ExampleFile, Question, Shot } from '../examples/examples.ts';
import type { PassContext } from '../method.ts';
import { Writer } from '../on_policy/writer.ts';
import { uniform } from '../train/random.ts';
import type { Options } from './options.ts';

/** Zero-shot chain of thought (arXiv 2205.11916): what is said behind the prompt, and between rationale and answer. */
const THINK = '\nLet’s think step by step.';
const THEREFORE = 'Therefore, the answer is';

/**
 * @param order Of the pairs; prompts that the model answers with nothing are left out.
 * @throws `text_too_short` where no prompt leaves room for an answer, and what the backend throws.
 */
export async function writtenPairs(
  { file, wording }: ExampleFile,
  order: readonly Pair[],
  options: Options,
  context: PassContext,
  onProgress: (fraction: number, count: number) => void,
): Promise<Pair[]> {
  const { dense, backend, signal, calibration } = context;
  const written: Pair[] = [];
  await withArena(backend, async (arena) => {
    const writer = new Writer(arena, dense);
    const answer = async (pair: Pair, part: number, shots: readonly Shot[], question: Question) => {
      const prompt = await wording.asked(shots, question);
      const room = Math.min(options.max_tokens, calibration.seqlen - prompt.length);
      if (room < 1) return '';
      // By the line: the same prompt gets the same answer wherever it stands.
      const seed = Math.floor(uniform(options.seed, 8, pair.line, part)() * 2 ** 32);
      const choose = sampler({ temperature: options.temperature, top_k: 0, top_p: options.top_p, seed });
      const tokens = await writer.write(prompt, room, wording.ends, choose, signal);
      return wording.text(wording.ends.includes(tokens[tokens.length - 1]) ? tokens.slice(0, -1) : tokens);
    };
    for (const [i, pair] of order.entries()) {
      onProgress(i / order.length, i);
      const made =
        options.form === 'cot' ? await reasoned(pair, answer) : { completion: await answer(pair, 0, [], pair) };
      if (Object.values(made).every((text) => text.trim() !== '')) written.push({ ...pair, ...made });
    }
  });
  if (written.length > 0) return written;
  throw new WhittleError({
    code: 'text_too_short',
    message: `The dense model answered none of ${order.length} prompts.`,
    place: { file },
    allowed: 'prompts shorter than a window, which the model does not answer with the end of the text',
    action: 'Take longer windows (--seqlen) or other prompts.',
  });
}

type Answer = (pair: Pair, part: number, shots: readonly Shot[], question: Question) => Promise<string>;

async function reasoned(pair: Pair, answer: Answer): Promise<{ rationale: string; completion: string }> {
  const question = { prompt: pair.prompt + THINK, message: pair.message + THINK };
  const rationale = await answer(pair, 0, [], question);
  if (rationale.trim() === '') return { rationale, completion: '' };
  const last = { prompt: THEREFORE, message: THEREFORE };
  return { rationale, completion: await answer(pair, 1, [{ question, answer: rationale }], last) };
}
