import { afterEach, describe, expect, it } from 'vitest';
import { memoryPlatform } from '../../test/support/memory_platform.ts';
import { seededText } from '../../test/support/slice_job.ts';
import { failure, SLICE, source, started, TEXTS } from '../../test/support/test_engine.ts';
import { memoryScratch } from '../models/scratch.ts';
import { Engine } from './engine.ts';
import { totalElements } from './plan.ts';
import type { BasesReport, BosMode, EngineEvent } from './protocol.ts';
import type { Report } from './report.ts';
import { slicingRecipe } from './slicing_recipe.ts';

describe('the engine', () => {
  const events: EngineEvent[] = [];
  const emit = (event: EngineEvent) => events.push(event);
  afterEach(() => {
    events.length = 0;
  });

  it('opens, measures, slices and exports what onnxruntime-web confirms', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform);
    const dense = await engine.run('evaluate', { target: 'dense' }, emit);
    expect(events.filter(({ type }) => type === 'window')).toHaveLength(3);
    const last = events.findLast((event) => event.type === 'window');
    expect(last).toMatchObject({ perplexity: dense.perplexity, count: 3, index: 2 });

    const slice = await engine.run('compress', slicingRecipe(SLICE), emit);
    expect(slice).toMatchObject({ recipe: 'slicegpt:sparsity=0.25,round=2', bases: { head: 'tied', dimension: 12 } });
    expect(slice.parameters).toBe(totalElements(slice.parts));
    expect(slice.bases?.certificate.max_orthogonality_error).toBeLessThan(1e-6);
    expect(events.filter(({ type }) => type === 'site')).toHaveLength(slice.bases?.sites.length ?? 0);
    const fractions = events.flatMap((event) =>
      event.type === 'progress' && event.stage === 'compression' ? [event.fraction] : [],
    );
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    for (const event of events)
      if (event.type === 'progress' && event.layers) expect(event.layer).toBeLessThan(event.layers);

    const evaluation = await engine.run('evaluate', { target: slice.id }, emit);
    const exported = await engine.run('export', { id: slice.id }, emit);
    expect(exported.verified).toBe(true);
    expect(Math.abs(exported.perplexity / evaluation.perplexity - 1)).toBeLessThan(1e-3);
    expect(exported.max_abs_logit_difference).toBeLessThan(1e-3);
    const files = platform.exports.get(exported.folder) as Map<string, Uint8Array>;
    expect([...files.keys()].sort()).toEqual(exported.files.map(({ name }) => name).sort());
    expect([...files.keys()]).toEqual(
      expect.arrayContaining(['model.onnx', 'config.json', 'tokenizer.json', 'tokenizer_config.json', 'report.json']),
    );
    for (const { name, bytes } of exported.files) expect(files.get(name)).toHaveLength(bytes);
    const report = JSON.parse(new TextDecoder().decode(files.get('report.json'))) as Report;
    expect(report.dense.perplexity).toBe(dense.perplexity);
    expect(report.sliced[0]).toMatchObject({ sparsity: 0.25, dimension: 12, perplexity: evaluation.perplexity });
    expect(report.sliced[0].onnx).toMatchObject({ verified: true, perplexity: exported.perplexity });

    await engine.run('discard', { id: slice.id });
    expect(platform.exports.size).toBe(0);
  });

  it('reports the memory of the page as it was told since the model was opened, and nothing where it was not', async () => {
    const engine = await started();
    expect(await engine.run('memory', {})).not.toHaveProperty('peak_heap_bytes');
    for (const bytes of [5, 9, 7]) engine.heapMeasured(bytes);
    await engine.run('evaluate', { target: 'dense' }, emit);
    expect(events.findLast(({ type }) => type === 'progress')).toMatchObject({ memory: { peak_heap_bytes: 9 } });
    await engine.run('open', { source: await source() });
    expect(await engine.run('memory', {})).not.toHaveProperty('peak_heap_bytes');
  });

  it.each(['sequential', 'rotate-once'] as const)(
    'begins no %s slicing that the storage has no room for',
    async (schedule) => {
      let stores = 0;
      let free = 1000;
      const platform = memoryPlatform({
        freeStorage: async () => free,
        createScratch: async () => {
          stores++;
          return memoryScratch();
        },
      });
      const engine = await started(platform);
      expect(await failure(engine.run('compress', slicingRecipe({ ...SLICE, schedule })))).toMatchObject({
        code: 'storage_full',
        message: expect.stringMatching(/writes up to \d+ kB to the browser's storage, where 1 kB fit/),
        action: expect.stringContaining('Nothing was begun.'),
      });
      expect(stores).toBe(0);
      free = 10_000_000;
      await engine.run('compress', slicingRecipe({ ...SLICE, schedule }));
    },
  );

  it('says when evaluation windows were calibrated on too', async () => {
    const engine = await started();
    expect(await engine.run('set_texts', TEXTS)).not.toHaveProperty('shared_windows');
    const same = await engine.run('set_texts', { ...TEXTS, evaluation: TEXTS.calibration });
    expect(same.shared_windows).toBe(TEXTS.eval_samples);
  });

  it('tells texts of one name and length apart by their windows', async () => {
    const engine = await started();
    const digestsOf = async (calibration: string, evaluation: string) => {
      const text = (text: string) => ({ kind: 'text', name: 'my.txt', text }) as const;
      const texts = { ...TEXTS, calibration: text(calibration), evaluation: text(evaluation) };
      const protocol = await engine.run('set_texts', texts);
      return [protocol.calibration, protocol.evaluation];
    };
    const [one, other] = ['the stone river '.repeat(100), 'the river stone '.repeat(100)];
    const [first, second] = await digestsOf(one, other);
    expect([first.name, first.tokens]).toEqual([second.name, second.tokens]);
    expect(first.digest).toMatch(/^[0-9a-f]{16}$/);
    expect(first.digest).not.toBe(second.digest);
    expect((await digestsOf(one, other)).map(({ digest }) => digest)).toEqual([first.digest, second.digest]);
  });

  it('puts BOS where it is asked to, into both texts, and verifies exports on the same windows', async () => {
    const engine = await started(memoryPlatform(), source({ tokenizer_config: { bos_token: '<|endoftext|>' } }));
    const measured = async (bos: BosMode | 'auto') => {
      const protocol = await engine.run('set_texts', { ...TEXTS, bos });
      const { perplexity } = await engine.run('evaluate', { target: 'dense' });
      return { bos: protocol.bos, perplexity, exported: await engine.run('export', { id: 'dense' }) };
    };
    const found = [await measured('auto'), await measured('first'), await measured('each')];
    expect(found.map(({ bos }) => bos)).toEqual(['none', 'first', 'each']);
    expect(new Set(found.map(({ perplexity }) => perplexity)).size).toBe(3);
    for (const { exported, perplexity } of found) {
      expect(exported.verified).toBe(true);
      expect(exported.perplexity / perplexity).toBeCloseTo(1, 3);
    }
  });

  it('refuses BOS of a tokenizer that has none', async () => {
    const engine = await started();
    const error = await failure(engine.run('set_texts', { ...TEXTS, bos: 'first' }));
    expect(error).toMatchObject({ code: 'bad_option', place: { field: 'bos' }, allowed: 'none' });
  });

  it('calibrates once and serves every sparsity of rotate-once from it', async () => {
    const engine = await started();
    const calibrated = await engine.run('calibrate', { fusion: 'exact' }, emit);
    const sites = events.filter(({ type }) => type === 'site').length;
    expect(calibrated.sites).toHaveLength(sites);
    events.length = 0;
    for (const sparsity of [0, 0.25, 0.5]) {
      const slice = await engine.run('compress', slicingRecipe({ ...SLICE, schedule: 'rotate-once', sparsity }), emit);
      const { sites } = slice.bases as BasesReport;
      expect(sites.map(({ eigenvalues }) => eigenvalues)).toEqual(
        calibrated.sites.slice(0, sites.length).map(({ eigenvalues }) => eigenvalues),
      );
    }
    expect(events.filter((event) => event.type === 'site')).toHaveLength(0);
  });

  it('reports the calibration that a model was made with, also when the texts have changed since', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform);
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    const other = { kind: 'text', name: 'another text', text: seededText(9, 500) } as const;
    await engine.run('set_texts', { ...TEXTS, calibration: other, samples: 2, seqlen: 24 });
    const evaluation = await engine.run('evaluate', { target: id });
    expect(evaluation.protocol).toMatchObject({
      seqlen: 24,
      samples: 4,
      calibration: { name: 'calibration', seqlen: 16 },
    });
    const { folder } = await engine.run('export', { id });
    const file = platform.exports.get(folder)?.get('report.json');
    const report = JSON.parse(new TextDecoder().decode(file)) as Report;
    expect(report.protocol).toMatchObject({ calibration: 'calibration', samples: 4 });
    // A view of two of the others, for readers of older reports.
    const { total, calibration_and_slicing: _, ...parts } = report.timings_ms;
    expect(total).toBeCloseTo(
      Object.values(parts).reduce((sum, ms) => sum + ms, 0),
      6,
    );
  });

  it('plans bytes and parameters exactly for a model of mixed types', async () => {
    for (const pattern of [/embed_tokens/, /layers/]) {
      const mixed = source({
        tied: false,
        edit: (tensors) => tensors.map((tensor) => (pattern.test(tensor.name) ? { ...tensor, dtype: 'F16' } : tensor)),
      });
      const platform = memoryPlatform();
      const engine = new Engine(platform);
      await engine.run('start', { backend: 'cpu' });
      const { shape } = await engine.run('open', { source: await mixed });
      await engine.run('set_texts', TEXTS);
      const slice = await engine.run('compress', slicingRecipe(SLICE));
      expect(slice.stored_bytes).toBe(totalElements(slice.parts) * shape.bytes_per_element);
    }
  });
});
