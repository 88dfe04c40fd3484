/** Commands `generate` and `token_losses` on a tiny model: one text whatever runs it, typed errors, and losses that are the perplexity's. */
import { describe, expect, it } from 'vitest';
import { memoryPlatform } from '../../../test/support/memory_platform.ts';
import { failure, source, started } from '../../../test/support/test_engine.ts';
import type { EngineEvent, GenerateRequest } from '../protocol.ts';

const PROMPT = { text: 'The other one in the tin' };
const SAMPLED = { temperature: 2, top_k: 100, top_p: 0.95, repetition_penalty: 1.1, seed: 7 };
const CHATML =
  "{% for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";

/** With a head of its own: a tied one of random numbers only says again what it reads. */
const talker = (platform = memoryPlatform()) => started(platform, source({ tied: false }));

function request(change: Partial<GenerateRequest> = {}): GenerateRequest {
  return { target: 'dense', prompt: PROMPT, max_tokens: 12, ...change };
}

describe('generate', () => {
  it('writes the same with the same seed, as pieces that make the text, and not the same with another', async () => {
    const engine = await talker();
    const events: EngineEvent[] = [];
    const first = await engine.run('generate', request({ sampling: SAMPLED }), (event) => events.push(event));
    expect(first).toMatchObject({ target: 'dense', prompt: PROMPT.text, stopped: 'max_tokens', sampling: SAMPLED });
    expect(first.tokens).toHaveLength(12);
    expect(first.tokens_per_second).toBeGreaterThan(0);
    expect(events.flatMap((event) => (event.type === 'text' ? [event.piece] : [])).join('')).toBe(first.text);
    expect(await engine.run('generate', request({ sampling: SAMPLED }))).toMatchObject({ tokens: first.tokens });
    const other = await engine.run('generate', request({ sampling: { ...SAMPLED, seed: 8 } }));
    expect(other.tokens).not.toEqual(first.tokens);
    const greedy = await engine.run('generate', request());
    expect(greedy.sampling).toMatchObject({ temperature: 0 });
    expect(await engine.run('generate', request({ sampling: { seed: 5 } }))).toMatchObject({ tokens: greedy.tokens });
  });

  it('gives the same tokens from an exported file in onnxruntime-web', async () => {
    const engine = await talker();
    const { id: target } = await engine.run('compress', {
      steps: [{ method: 'rtn', options: { bits: 4, group: 16 } }],
    });
    const file = { format: 'transformers.js', precision: 'stored' } as const;
    await engine.run('export', { id: target, options: file });
    const own = await engine.run('generate', request({ target, sampling: SAMPLED }));
    const events: EngineEvent[] = [];
    const found = await engine.run('generate', request({ target, file, sampling: SAMPLED }), (event) =>
      events.push(event),
    );
    expect(found.tokens).toEqual(own.tokens);
    expect(found).toMatchObject({
      file,
      text: own.text,
      runtime: expect.stringMatching(/^onnxruntime-web [\d.]+.*webgpu/),
    });
    expect(events.find(({ type }) => type === 'text')).toMatchObject({ target, file });
  });

  it('speaks from the weights of a run', async () => {
    const engine = await talker();
    const { id } = await engine.run('compress', { steps: [{ method: 'rtn', options: { bits: 2, group: 16 } }] });
    const [dense, run] = [
      await engine.run('generate', request()),
      await engine.run('generate', request({ target: id })),
    ];
    expect(run.target).toBe(id);
    expect(run.tokens).not.toEqual(dense.tokens);
  });

  it('ends with a token of the list in generation_config.json, and does not show it', async () => {
    const engine = await talker();
    const { tokens } = await engine.run('generate', request());
    const end = tokens[4];
    const files = source({ tied: false, config: { eos_token_id: [263, end] } });
    const ending = await started(memoryPlatform(), files);
    const found = await ending.run('generate', request());
    expect(found.stopped).toBe('end_token');
    expect(found.tokens).toEqual(tokens.slice(0, tokens.indexOf(end) + 1));
    expect(found.text).not.toContain(found.tokens.at(-1));
  });

  it('stops where the model has no more room, and refuses a prompt that leaves none', async () => {
    const engine = await started(memoryPlatform(), source({ max_position_embeddings: 24 }));
    const found = await engine.run('generate', request({ max_tokens: 40 }));
    expect(found.stopped).toBe('context_full');
    expect(found.prompt_tokens + found.tokens.length).toBe(24);
    const full = await failure(engine.run('generate', request({ prompt: { text: 'the tin '.repeat(20) } })));
    expect(full).toMatchObject({ code: 'bad_option', place: { field: 'prompt' }, allowed: 'at most 23 tokens' });
  });

  it('stops at once when it is cancelled', async () => {
    const engine = await talker();
    const controller = new AbortController();
    let after = 0;
    const job = engine.run(
      'generate',
      request({ max_tokens: 480 }),
      ({ type }) => {
        if (controller.signal.aborted) after++;
        if (type === 'text') controller.abort();
      },
      controller.signal,
    );
    expect(await failure(job)).toMatchObject({ code: 'cancelled' });
    // What belonged to the same token.
    expect(after).toBeLessThanOrEqual(1);
  });

  it('tells what was written a few times a second, however fast it is', async () => {
    const engine = await talker();
    const events: EngineEvent[] = [];
    const begun = performance.now();
    const found = await engine.run('generate', request({ max_tokens: 200 }), (event) => events.push(event));
    const seconds = (performance.now() - begun) / 1000;
    expect(found.tokens.length).toBeGreaterThan(100);
    for (const kind of ['text', 'progress']) {
      expect(events.filter(({ type }) => type === kind).length).toBeLessThan(3 + 13 * seconds);
    }
  });

  it("puts messages into the words of the model's chat template", async () => {
    const engine = await started(memoryPlatform(), source({ tokenizer_config: { chat_template: CHATML } }));
    const prompt = { messages: [{ role: 'user', content: 'Hi' }] } as const;
    const found = await engine.run('generate', request({ prompt }));
    expect(found).toMatchObject({ prompt: '[user]Hi[assistant]' });
    expect(await engine.run('generate', request({ prompt: { text: '[user]Hi[assistant]' } }))).toMatchObject({
      tokens: found.tokens,
    });
  });

  it.each<[string, Partial<GenerateRequest>, object]>([
    ['an empty prompt', { prompt: { text: ' \n' } }, { code: 'bad_option', place: { field: 'prompt' } }],
    ['empty messages', { prompt: { messages: [] } }, { code: 'bad_option', place: { field: 'prompt' } }],
    [
      'messages without a template',
      { prompt: { messages: [{ role: 'user', content: 'Hi' }] } },
      { code: 'bad_chat_template', action: expect.stringContaining('plain text') },
    ],
    ['no tokens', { max_tokens: 0 }, { code: 'bad_option', place: { field: 'max_tokens' } }],
    [
      'a penalty of 0',
      { sampling: { repetition_penalty: 0 } },
      { code: 'bad_option', place: { field: 'repetition_penalty' } },
    ],
    ['a run that is not there', { target: 'run-9' }, { code: 'bad_option' }],
    [
      'a file that was not exported',
      { file: { format: 'onnx', precision: 'int8' } },
      { code: 'bad_option', place: { field: 'file' }, action: expect.stringContaining('Export') },
    ],
    ['a file that Whittle opens itself', { file: { format: 'gguf', precision: 'f16' } }, { code: 'bad_option' }],
  ])('refuses %s', async (_, change, error) => {
    expect(await failure((await started()).run('generate', request(change)))).toMatchObject(error);
  });
});

describe('token_losses', () => {
  it('gives each token of the first window what its perplexity is made of', async () => {
    const engine = await started();
    const { window_losses } = await engine.run('evaluate', { target: 'dense' });
    const { tokens, mean_loss, left_out } = await engine.run('token_losses', { target: 'dense' });
    expect(mean_loss).toBeCloseTo(window_losses[0], 5);
    expect(tokens).toHaveLength(16);
    expect(tokens[0].logprob).toBeNull();
    const logprobs = tokens.slice(1).map(({ logprob }) => logprob as number);
    expect(-logprobs.reduce((sum, each) => sum + each) / 15).toBeCloseTo(mean_loss, 10);
    expect(left_out).toBe(0);
  });

  it('gives the parts of any text, in any model, and says what it left out', async () => {
    const engine = await started(memoryPlatform(), source({ max_position_embeddings: 32 }));
    const text = 'the tin ü😀 other';
    const dense = await engine.run('token_losses', { target: 'dense', text });
    expect(dense.tokens.map((each) => each.text).join('')).toBe(text);
    expect(dense.tokens.some((each) => each.text === '')).toBe(true);
    const { id } = await engine.run('compress', { steps: [{ method: 'rtn', options: { bits: 2, group: 16 } }] });
    const run = await engine.run('token_losses', { target: id, text });
    expect(run.tokens.map((each) => each.id)).toEqual(dense.tokens.map((each) => each.id));
    expect(run.mean_loss).not.toBeCloseTo(dense.mean_loss, 3);
    expect(await failure(engine.run('token_losses', { target: 'dense', text: 'e' }))).toMatchObject({
      code: 'bad_option',
      message: expect.stringContaining('1 token'),
    });
  });
});
