import { describe, expect, it } from 'vitest';
import { blobSource } from '../formats/source.ts';
import { loadTokenizer } from '../formats/tokenizer/tokenizer.ts';
import { tokenise } from './tokenise.ts';

/** Like Llama 2's: BPE over the whole text, without a pre-tokenizer. */
function llama() {
  const letters = [...'▁abcdefghijklmnopqrstuvwxyz.'];
  const merges = ['▁ t', 'h e', '▁t he', '▁ a', 'i n', 'n d', '▁a nd', 'e r', 'o u', 'ou r', '▁ ▁', 'x x', 'xx xx'];
  const tokens = ['<unk>', '<s>', ...letters, ...merges.map((merge) => merge.replace(' ', ''))];
  const json = {
    version: '1.0',
    added_tokens: [],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
  return loadTokenizer(blobSource('tokenizer.json', new Blob([JSON.stringify(json)])));
}

const MIB = 1024 * 1024;
const WORDS = 'the hour and the end in there, our older xxxx xxx inner  und  ';
const LONG = WORDS.repeat(Math.ceil((8 * MIB) / WORDS.length)).slice(0, 8 * MIB);
const watch = (more: Partial<Parameters<typeof tokenise>[2]> = {}) => ({
  whole: false,
  signal: new AbortController().signal,
  report: () => {},
  ...more,
});

describe('tokenise', () => {
  it('gives the first windows of 8 MiB in one piece within 3 s of processor time, with the ids of the whole text', async () => {
    const tokenizer = await llama();
    // Not by the clock: other tests run beside it.
    const start = process.cpuUsage();
    const found = await tokenise(tokenizer.stream(LONG), 16 * 256, watch());
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).toBeLessThan(3);
    expect(found).toMatchObject({ tokens: 16 * 256, at_least: true });
    expect(found.ids).toEqual(tokenizer.encode(LONG).slice(0, 16 * 256));
  });

  it('counts the rest where it is asked to, and keeps the first', async () => {
    const tokenizer = await llama();
    const text = LONG.slice(0, 50_000);
    const all = tokenizer.encode(text);
    const found = await tokenise(tokenizer.stream(text), 100, watch({ whole: true }));
    expect(found).toEqual({ ids: all.slice(0, 100), tokens: all.length, at_least: false });
    const short = await tokenise(tokenizer.stream('the end'), 100, watch());
    expect(short).toEqual({
      ids: tokenizer.encode('the end'),
      tokens: tokenizer.encode('the end').length,
      at_least: false,
    });
  });

  it('is stopped, and says how far it is', async () => {
    const tokenizer = await llama();
    const controller = new AbortController();
    const reports: number[] = [];
    const report = (done: number) => {
      reports.push(done);
      if (reports.length === 2) controller.abort();
    };
    const running = tokenise(tokenizer.stream(LONG), 100, watch({ whole: true, signal: controller.signal, report }));
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    expect(reports[1]).toBeGreaterThan(reports[0]!);
  });
});
