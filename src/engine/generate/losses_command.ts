/** @file Command `token_losses`: the log-probability that a model gives each token of a text. */
import { WhittleError } from '../../errors/errors.ts';
import { TextStream } from '../../formats/tokenizer/text_stream.ts';
import type { Tokenizer } from '../../formats/tokenizer/tokenizer.ts';
import { textLosses } from '../../runtime/token_losses.ts';
import { exportedModel } from '../export/target.ts';
import { type Emit, memoryReport, ProgressMeter } from '../progress.ts';
import type { EngineState } from '../state.ts';
import { contextLength, promptTokens } from './prompt.ts';

export interface TokenLossesRequest {
  readonly target: 'dense' | string;
  /** Absent: the first window of the evaluation text. */
  readonly text?: string;
}

export interface TokenLosses {
  target: 'dense' | string;
  tokens: TokenLoss[];
  /** Mean of −log p over the tokens that have one, in nats. */
  mean_loss: number;
  /** Tokens of the text that came after these and were left out. */
  left_out: number;
}

export interface TokenLoss {
  id: number;
  /** As the vocabulary has it. */
  token: string;
  /** Its part of the text: empty where a later token completes the character. */
  text: string;
  /** ln p(token | those before it); null for the first, which nothing stands before. */
  logprob: number | null;
}

/** More would be too much to read, and its scores too large for one pass. */
export const MOST_TOKENS = 1024;

/** @throws `bad_option` for an empty text, `non_finite_activations`, `cancelled`, what tokenizer and backend throw. */
export async function tokenLossesCommand(
  state: EngineState,
  { target, text }: TokenLossesRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<TokenLosses> {
  const { open } = state.requireModel();
  const model = exportedModel(state, target);
  const all =
    text === undefined ? firstWindow(state) : (await promptTokens(open, { text }, state.texts?.protocol.bos)).ids;
  const ids = all.slice(0, Math.min(MOST_TOKENS, contextLength(open)));
  if (ids.length < 2) throw tooShort(ids.length);
  const meter = new ProgressMeter(emit, 'evaluation', () => memoryReport(state));
  const layers = model.layers.length;
  const losses = await textLosses(state.requireBackend(), model, ids, {
    signal,
    onProgress: (fraction, layer) =>
      meter.report({ fraction, step: 'forward pass', layer, layers, tokens: fraction * ids.length }),
  });
  const bad = losses.findIndex((loss) => !Number.isFinite(loss));
  if (bad >= 0) throw notFinite(bad + 1);
  return {
    target,
    tokens: spans(open.tokenizer, ids).map((span, i) => ({ ...span, logprob: i === 0 ? null : -losses[i - 1] })),
    mean_loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    left_out: all.length - ids.length,
  };
}

function firstWindow(state: EngineState): Uint32Array {
  const { evaluation } = state.requireTexts();
  return evaluation.ids.slice(0, evaluation.seqlen);
}

function spans(tokenizer: Tokenizer, ids: Uint32Array): Omit<TokenLoss, 'logprob'>[] {
  const stream = new TextStream(tokenizer);
  const found = Array.from(ids, (id) => ({ id, token: tokenizer.token(id) ?? '', text: stream.push(id) }));
  found[found.length - 1].text += stream.end();
  return found;
}

function tooShort(tokens: number): WhittleError {
  return new WhittleError({
    code: 'bad_option',
    message: `The text has ${tokens} token${tokens === 1 ? '' : 's'}: nothing in it is predicted.`,
    place: { field: 'text' },
    allowed: 'at least 2 tokens',
    action: 'Take a longer text.',
  });
}

function notFinite(token: number): WhittleError {
  return new WhittleError({
    code: 'non_finite_activations',
    message: `What the model gives token ${token + 1} of the text is not a number.`,
    action: 'Activations overflowed or hold NaN: evaluate the model, which says where.',
  });
}
