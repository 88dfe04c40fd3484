import { expect, it } from 'vitest';
import { tinyLlama } from '../../test/fixtures/tiny_llama.ts';
import { WhittleError } from '../errors/errors.ts';
import { storedWeights } from './decoder_model.ts';
import { openModel } from './open_model.ts';

/** xorshift32: small, seeded, good enough to choose where to spoil. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function spoil(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  // most faults in the header of the weights, which is where they decide anything
  const reach = Math.min(bytes.length, 3000);
  const at = random(reach);
  const copy = bytes.slice();
  switch (random(5)) {
    case 0:
      copy[at] = random(256);
      return copy;
    case 1: {
      // another digit, quote or bracket: JSON that still parses
      const letters = '0123456789"{}[],:-';
      copy[at] = letters.charCodeAt(random(letters.length));
      return copy;
    }
    case 2:
      return bytes.slice(0, random(bytes.length));
    case 3:
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + random(8))]);
    default:
      return Uint8Array.from([...bytes, ...bytes.subarray(at, at + 1 + random(16))]);
  }
}

it('spoilt files either open or give a typed error, and what opens can be read', async () => {
  const good = await Promise.all(
    (await tinyLlama({ shards: 2, attention_bias: true })).map(async ({ path, blob }) => ({
      path,
      bytes: new Uint8Array(await blob.arrayBuffer()),
    })),
  );
  const random = seeded(2024);
  const codes = new Map<string, number>();
  for (let round = 0; round < 400; round++) {
    const chosen = random(good.length);
    const files = good.map(({ path, bytes }, i) => ({
      path,
      blob: new Blob([(i === chosen ? spoil(bytes, random) : bytes).slice()]),
    }));
    let code = 'opened';
    try {
      const { model, tokenizer } = await openModel(files);
      for (const weight of storedWeights(model)) expect((await weight.read()).length).toBeGreaterThan(0);
      tokenizer.encode('in the end');
    } catch (thrown) {
      expect(thrown, `round ${round}, ${good[chosen].path}: ${String(thrown)}`).toBeInstanceOf(WhittleError);
      code = (thrown as WhittleError).code;
      expect((thrown as WhittleError).isBadInput, code).toBe(true);
    }
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  // the spoiling reaches every part, and not everything is refused
  for (const code of [
    'opened',
    'bad_safetensors',
    'truncated_file',
    'bad_config',
    'bad_tokenizer',
    'bad_shard_index',
  ]) {
    expect([...codes.keys()]).toContain(code);
  }
});
