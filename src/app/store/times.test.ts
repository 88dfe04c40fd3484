import { expect, it } from 'vitest';
import { MODEL, perplexityReport } from '../testing.ts';
import { mayTakeLong, measureSeconds, slicingSeconds } from './times.ts';

const texts = (windows: number, seqlen: number) => ({
  ...{ calibration: { kind: 'demo' as const }, evaluation: { kind: 'demo' as const } },
  ...{ samples: windows, eval_samples: windows, seqlen },
});

it('tries only what may take long', () => {
  expect(mayTakeLong(MODEL, texts(16, 256))).toBe(false);
  expect(mayTakeLong(MODEL, texts(128, 1024))).toBe(true);
  const larger = { ...MODEL, multiplications_per_token: 135e6 };
  expect(mayTakeLong(larger, texts(16, 256))).toBe(true);
  // Few tokens, but an eigendecomposition for each of many wide sites.
  const wide = { ...MODEL, shape: { ...MODEL.shape, hidden_size: 4096, num_hidden_layers: 32 } };
  expect(mayTakeLong(wide, texts(1, 2))).toBe(true);
});

it('leaves out the spectra of a model that cannot be sliced', () => {
  const time = { evaluation_s: 4, calibration_s: 10 };
  expect(measureSeconds(time, true)).toBe(14);
  expect(measureSeconds(time, false)).toBe(4);
});

it('says nothing of slicing before anything like it was timed', () => {
  const dense = perplexityReport('dense', 75);
  expect(slicingSeconds(null, { calibrate: 1000 }, 'sequential')).toBeNull();
  expect(slicingSeconds(dense, {}, 'sequential')).toBeNull();
  const quick = slicingSeconds(dense, { calibrate: 10_000 }, 'rotate-once') as number;
  const exact = slicingSeconds(dense, { calibrate: 10_000 }, 'sequential') as number;
  expect(exact - quick).toBeCloseTo(10, 5);
});
