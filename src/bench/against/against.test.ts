import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { WhittleError } from '../../errors/errors.ts';
import { openModel } from '../../models/open_model.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { median } from '../median.ts';
import { parseBenchOptions } from '../options.ts';
import { againstReport, type Round } from './compare.ts';
import { figuresOf, linalgPlan, linalgTable } from './linalg_section.ts';
import { findTorch } from './python.ts';
import { againstTables } from './tables.ts';
import { whyNotPlain, writeTorchModel } from './torch_model.ts';
import { trainingFigure } from './training_section.ts';

describe('the option --against', () => {
  it('names torch, and a Python if need be', () => {
    expect(parseBenchOptions(['--against', 'torch'])?.against).toEqual({});
    expect(parseBenchOptions(['--against=torch=/a/python', '--rounds', '2'])).toMatchObject({
      against: { python: '/a/python' },
      rounds: 2,
    });
    expect(parseBenchOptions(['--against', 'torch', '--evaluation', 'e'])?.evaluation).toBe('e');
    expect(parseBenchOptions(['--against', 'torch', '--node'])).toMatchObject({ against: {}, node: true });
  });

  it.each([
    [['--against', 'jax'], '"jax"'],
    [['--against', 'torch='], '"torch="'],
    [['--rounds', '3'], '--against'],
    [['--against', 'torch', '--rounds', '0'], '"0"'],
  ])('refuses %j', (argv, said) => {
    expect(() => parseBenchOptions(argv)).toThrow(said);
  });

  it('says what was tried where no Python has torch', async () => {
    const failed = await findTorch(join(tmpdir(), 'no-such-python')).catch((thrown: unknown) => thrown);
    expect(failed).toBeInstanceOf(WhittleError);
    const { code, message, place, allowed } = (failed as WhittleError).toData();
    expect([code, place.field]).toEqual(['bad_option', '--against']);
    expect(message).toContain('there is no such program');
    expect(allowed).toContain('torch=PYTHON');
  });
});

describe('what torch is given', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'whittle-test-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([true, false])('is every weight once, in f32 and in the order told (tied: %s)', async (tied) => {
    const { model, config } = await openModel(await tinyLlama({ tied, dtype: 'F16', num_hidden_layers: 2 }));
    const windows = { seqlen: 2, count: 1, ids: Uint32Array.of(1, 2), totalTokens: 2 };
    await writeTorchModel(folder, { model, calibration: windows, evaluation: windows, width: 8 });
    const { weights, ...told } = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
    const floats = new Float32Array(new Uint8Array(await readFile(join(folder, 'weights.bin'))).buffer);
    const elements = (shape: number[]) => shape.reduce((product, size) => product * size, 1);
    const sizes = weights.map(([, shape]: [string, number[]]) => elements(shape));
    expect(floats).toHaveLength(sizes.reduce((sum: number, size: number) => sum + size, 0));
    expect(weights.map(([name]: [string]) => name).includes('head')).toBe(!tied);
    const at = weights.findIndex(([name]: [string]) => name === '1.down');
    const first = sizes.slice(0, at).reduce((sum: number, size: number) => sum + size, 0);
    const { weight } = model.layers[1].mlp.down_proj;
    expect(floats.slice(first, first + sizes[at])).toEqual(decodeStored(await weight.read(), weight.dtype));
    expect(told).toMatchObject({ hidden_size: config.hidden_size, calibration: [1, 2], interleaved: false, width: 8 });
  });

  it.each(['gemma2', 'qwen2', 'gpt2', 'olmo2', 'cohere'])('is not %s, and the message says why', async (name) => {
    const { model } = await openModel(await familyFiles(await family(name)));
    expect(whyNotPlain(model)).toMatch(/\w/);
  });
});

describe('rounds of both sides', () => {
  const round = (ms: number, torch_ms: number): Round =>
    ({
      whittle: {
        model: { name: 'm', parameters: 10 },
        protocol: { calibration: 'c', evaluation: 'e', samples: 1, eval_samples: 1, seqlen: 2, bos: 'none' },
        backend: { description: 'WebAssembly' },
        dense: { perplexity: 10 },
        sliced: [{ perplexity: 20.2 }],
        runs: [{ comparison_ms: ms }],
        timings_ms: {
          ...{ load: 1, dense_evaluation: ms, compression: 2 * ms, calibration_and_slicing: 2 * ms },
          ...{ evaluation: 3 * ms, export: 1, verification: 5000, total: 9000 },
        },
      },
      torch: {
        ...{ torch: '2', threads: 2, capability: 'AVX2', dense_perplexity: 10, perplexity: 20 },
        stage_ms: {
          ...{ dense_evaluation: torch_ms, calibration_and_slicing: torch_ms, evaluation: torch_ms },
          slicing_beside_dense: 2 * torch_ms,
        },
      },
    }) as unknown as Round;

  it('come to medians, with the ratio of each round’s own figures', () => {
    const side = (tokens_per_second: number, peak_bytes: number | null) => ({ tokens_per_second, peak_bytes });
    const training = trainingFigure(
      [
        { whittle: side(30, 8e8), torch: side(60, 2e9) },
        { whittle: side(10, 9e8), torch: side(50, 2e9) },
        { whittle: side(90, 8e8), torch: side(100, 1e9) },
      ],
      256,
    );
    const report = againstReport([round(1000, 1000), round(4000, 2000), round(9000, 1000)], training);
    const [dense, slicing, beside, evaluation, comparison, verification, total] = report.against;
    expect(dense).toEqual({ stage: 'dense_evaluation', whittle_ms: 4000, torch_ms: 1000, ratio: 2, wanted: 2.2 });
    expect(slicing).toMatchObject({ whittle_ms: 8000, ratio: 4 });
    expect(beside).toMatchObject({ stage: 'slicing_beside_dense', whittle_ms: 8000, ratio: 2, wanted: 1.3 });
    expect(evaluation).toMatchObject({ whittle_ms: 8000, ratio: 4 });
    expect(comparison).toMatchObject({ whittle_ms: 4000, torch_ms: null });
    expect(verification).toMatchObject({ whittle_ms: 5000, torch_ms: null, ratio: null });
    expect(total).toMatchObject({ whittle_ms: 9000, torch_ms: null });
    expect(report.perplexities[1]).toMatchObject({ of: 'sliced', difference: expect.closeTo(0.01, 12) });
    const text = againstTables(report);
    expect(text).toMatch(/dense_evaluation +4\.00 +1\.00 +2\.00 +≤ 2\.2/);
    expect(text).toMatch(/verification +5\.00\n/);
    expect(text).toContain('medians of 3');
    expect(training).toMatchObject({ speed_ratio: 0.5, memory_ratio: 0.45, tokens: 512 });
    expect(text).toMatch(/tokens a second +30\.0 +60\.0 +0\.50 +≥ 0\.4/);
    expect(trainingFigure([{ whittle: side(30, null), torch: side(60, 2e9) }], 256).memory_ratio).toBeNull();
  });

  it('have the mean of the two in the middle where their number is even', () => {
    expect(median([4, 1, 3, 100])).toBe(3.5);
    expect(median([7])).toBe(7);
  });
});

describe('linear algebra beside torch', () => {
  it('is told in medians of each round’s own ratios', () => {
    const times = (ms: number) => ({
      ...{ eigh: ms, eigenvalues: ms, cholesky: 2 * ms, solve: ms, triangular_inverse: ms, inverse_factor: ms },
      low_rank: ms,
    });
    const rounds = [
      { whittle: times(10), torch: times(10) },
      { whittle: times(40), torch: times(10) },
      { whittle: times(300), torch: times(100) },
    ];
    const figures = figuresOf(576, rounds);
    expect(figures[0]).toEqual({ operation: 'eigh', n: 576, whittle_ms: 40, torch_ms: 10, ratio: 3, wanted: 2.5 });
    expect(figures[2]).toMatchObject({ operation: 'cholesky', whittle_ms: 80, torch_ms: 20, ratio: 3 });
    const text = linalgTable({ place: 'browser', figures });
    expect(text).toMatch(/eigh +576 +40\.0 +10\.0 +3\.00 +≤ 2\.5/);
    expect(text).toContain("(Whittle in the headless command's browser, ");
    expect(linalgTable({ place: 'node', figures })).toContain(`(Whittle in Node ${process.versions.node}, `);
    expect(linalgPlan(true)).toHaveLength(1);
    expect(figures.map(({ operation }) => operation)).not.toContain('sites');
  });

  it('has a row of one job’s sites where both solved some', () => {
    const times = {
      ...{ eigh: 1, eigenvalues: 1, cholesky: 1, solve: 1, triangular_inverse: 1, inverse_factor: 1, low_rank: 1 },
    };
    const rounds = [{ whittle: { ...times, sites: 30 }, torch: { ...times, sites: 20 } }];
    expect(linalgTable({ place: 'browser', figures: figuresOf(576, rounds) })).toMatch(
      /sites +576 +30\.0 +20\.0 +1\.50 +≤ 1\.5/,
    );
    expect(figuresOf(576, [{ whittle: { ...times, sites: 30 }, torch: times }])).toHaveLength(7);
    expect(linalgPlan(false).map(({ n, sites }) => [n, sites > 0])).toEqual([
      [576, true],
      [1536, false],
      [4096, false],
    ]);
  });
});
