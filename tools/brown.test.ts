import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { brownDocument, brownText, DEMO_TEXT_BYTES, demoText } from './brown.ts';

const shared = new URL('../../shared/text/', import.meta.url);

describe('the Brown corpus as prose', () => {
  it('joins words, quotes and punctuation as brown.py does', () => {
    const tagged = "``/`` Go/vb ,/, ''/'' he/pps said/vbd (/( twice/rb )/) ./. ./.\n\nNow/rb 1/2/cd ?/. ?/.";
    expect(brownDocument(tagged)).toBe('"Go," he said (twice). Now 1/2?');
  });

  it('puts five sentences on a line', () => {
    const tagged = Array.from({ length: 6 }, (_, i) => `s${i}/nn ./.`).join('\n');
    expect(brownDocument(tagged)).toBe('s0. s1. s2. s3. s4.\ns5.');
  });

  it('gives two different texts of the shipped size', () => {
    expect(brownText('calibration')).not.toBe(brownText('evaluation'));
    expect(demoText('calibration').byteLength).toBe(DEMO_TEXT_BYTES);
    expect(demoText('evaluation').byteLength).toBe(DEMO_TEXT_BYTES);
  });

  for (const split of ['calibration', 'evaluation'] as const) {
    const reference = new URL(`brown.${split}.txt`, shared);
    it.skipIf(!existsSync(reference))(`writes the ${split} text of the recipe, byte for byte`, () => {
      expect(Buffer.compare(Buffer.from(demoText(split)), readFileSync(reference))).toBe(0);
    });
  }
});
