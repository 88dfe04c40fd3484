/** @file A model's accuracy on a multiple-choice task, by the log-likelihood of each answer. */
import type { Backend } from '../../backend/backend.ts';
import { breather } from '../../backend/event_loop.ts';
import { WhittleError } from '../../errors/errors.ts';
import type { Task } from '../../formats/tasks/task.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { type TaskScore, taskScore } from './accuracy.ts';
import { type LikelihoodOptions, logLikelihoods } from './log_likelihoods.ts';
import { type ScoredTokens, scoredTokens, type TaskTokenizer } from './tokens.ts';

/** @throws `bad_jsonl`, `non_finite_activations`, `cancelled`, and what tokenizer and backend throw. */
export async function scoreTask(
  backend: Backend,
  model: DecoderModel,
  tokenizer: TaskTokenizer,
  task: Task,
  options: LikelihoodOptions = {},
): Promise<TaskScore> {
  const texts: ScoredTokens[] = [];
  const breathe = breather(options.signal);
  for (const example of task.examples) {
    for (const candidate of example.candidates) texts.push(scoredTokens(tokenizer, task, example, candidate));
    await breathe();
  }
  const likelihoods = await logLikelihoods(backend, model, texts, options);
  let next = 0;
  const grouped = task.examples.map(({ candidates }) => {
    next += candidates.length;
    return likelihoods.subarray(next - candidates.length, next);
  });
  const bad = grouped.findIndex((values) => values.some((value) => Number.isNaN(value)));
  if (bad >= 0) throw notANumber(task, task.examples[bad].line);
  return taskScore(task, grouped, texts.filter(({ is_truncated }) => is_truncated).length);
}

function notANumber(task: Task, line: number): WhittleError {
  return new WhittleError({
    code: 'non_finite_activations',
    message: 'The model gives NaN for an answer of this example.',
    place: { file: task.file, line },
    action: 'Measure its perplexity: that names where the activations stop being numbers.',
  });
}
