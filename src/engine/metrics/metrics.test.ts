import { describe, expect, it } from 'vitest';
import type { Commands, PerplexityReport, RunReport } from '../protocol.ts';
import { MetricsLog } from './metrics.ts';

const SIZES = { parameters: 10, bytes: 40, bits_per_weight: 4.5, multiplications_per_token: 9 };
const RUN = {
  ...SIZES,
  id: 'run-1',
  recipe: 'rtn:bits=4',
  steps: [
    {
      ...{ method: 'rtn', options: {}, seconds: 2, error: 0.25 },
      units: [{ unit: 'lm_head', error: 0.25, measured: 'weights', bytes: 40 }],
    },
  ],
  stored_bytes: 48,
  duration_ms: 2000,
} as unknown as RunReport;

const evaluation = (target: string, spread: number | null): PerplexityReport =>
  ({
    target,
    perplexity: 20,
    relative_spread: spread,
    tokens_per_second: 100,
    ...(target !== 'dense' && {
      decode_tokens_per_second: 12,
      divergence: { kl_divergence: 0.1, kl_error: 0.01, probability_change: { mean: -0.5, rms: 0.7 } },
    }),
  }) as unknown as PerplexityReport;

function log() {
  let seconds = 0;
  const made = new MetricsLog(() => new Date(1000 * seconds++));
  made.result('evaluate', evaluation('dense', null));
  made.result('compress', RUN);
  made.event('evaluate', {
    ...{ type: 'window', target: 'run-1', index: 3, count: 8, loss: 3.5, perplexity: 33, relative_spread: null },
  });
  made.result('evaluate', evaluation('run-1', 0.05));
  return made;
}

describe('metrics log', () => {
  it('names the run by its recipe, the unit, the window and the part of the model', () => {
    const lines = log().lines();
    expect(lines).toContainEqual(
      expect.objectContaining({ run: 'rtn:bits=4', metric: 'loss', value: 3.5, unit: 'nats/token', index: 3 }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ run: 'rtn:bits=4', metric: 'unit_error', value: 0.25, index: 0, of: 'lm_head' }),
    );
    expect(lines).toContainEqual({
      ...{ time: '1970-01-01T00:00:00.000Z', run: 'dense', command: 'evaluate', metric: 'perplexity', value: 20 },
    });
  });

  it('has every number of an evaluation and of sizes, and none that was not measured', () => {
    const of = (run: string) => {
      const lines = log()
        .lines()
        .filter((line) => line.run === run && line.index === undefined);
      return Object.fromEntries(lines.map(({ metric, value }) => [metric, value]));
    };
    expect(of('dense')).toEqual({ perplexity: 20, tokens_per_second: 100 });
    expect(of('rtn:bits=4')).toEqual({
      ...SIZES,
      ...{ stored_bytes: 48, duration: 2000, perplexity: 20, perplexity_error: 1, tokens_per_second: 100 },
      ...{ decode_tokens_per_second: 12, kl_divergence: 0.1, kl_error: 0.01 },
      ...{ probability_change_mean: -0.5, probability_change_rms: 0.7 },
    });
  });

  it('has rates of texts and the log-probability of each token', () => {
    const made = log();
    const text = { target: 'run-1', file: { format: 'onnx', precision: 'int4' }, tokens: [1, 2], first_token_ms: 7 };
    made.result('generate', { ...text, tokens_per_second: null } as unknown as Commands['generate']['result']);
    const tokens = [
      { id: 1, token: 'a', text: 'a', logprob: null },
      { id: 2, token: 'b', text: 'b', logprob: -3 },
    ];
    made.result('token_losses', { target: 'dense', tokens, mean_loss: 3, left_out: 0 });
    const found = made.lines().filter(({ command }) => command === 'generate' || command === 'token_losses');
    expect(found.map(({ run, metric, value, of }) => [run, metric, value, of])).toEqual([
      ['rtn:bits=4', 'generated_tokens', 2, 'onnx int4'],
      ['rtn:bits=4', 'first_token', 7, 'onnx int4'],
      ['dense', 'text_mean_loss', 3, undefined],
      ['dense', 'token_logprob', -3, 'b'],
    ]);
  });

  it('gives a run together with the dense model, without the others', () => {
    const made = log();
    made.result('compress', { ...RUN, id: 'run-2', recipe: 'depth' });
    expect(new Set(made.lines('run-1').map(({ run }) => run))).toEqual(new Set(['dense', 'rtn:bits=4']));
    expect(made.lines().some(({ run }) => run === 'depth')).toBe(true);
  });

  it('is JSON Lines, without what JSON cannot hold', () => {
    const made = log();
    made.result('evaluate', { ...evaluation('dense', null), perplexity: Number.POSITIVE_INFINITY });
    const lines = made.text().split('\n');
    expect(lines.pop()).toBe('');
    const parsed = lines.map((line) => JSON.parse(line));
    expect(parsed).toEqual(made.lines());
    expect(parsed.every(({ value }) => typeof value === 'number')).toBe(true);
  });

  it('forgets all of it', () => {
    const made = log();
    made.clear();
    expect(made.text()).toBe('');
  });
});
