/** The command `export` in every format, of sliced models and of the open one. */
import { describe, expect, it } from 'vitest';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { memoryPlatform } from '../../../test/support/memory_platform.ts';
import { seededText } from '../../../test/support/slice_job.ts';
import { Engine } from '../engine.ts';
import type { ExportFormat, ExportOptions, ExportReport, ModelSource, SlicegptOptions } from '../protocol.ts';
import type { Report } from '../report.ts';
import { slicingRecipe } from '../slicing_recipe.ts';
import type { VerifyLimits } from '../verify/verify_files.ts';

const SLICE: SlicegptOptions = { sparsity: 0.25, round: 1, schedule: 'sequential', fusion: 'exact', head: 'auto' };

/** @param changed Texts of files in place of the model's own. */
async function source(changed: Readonly<Record<string, string>> = {}): Promise<ModelSource> {
  const own = await tinyLlama({ hidden_size: 32, intermediate_size: 64, head_dim: 8 });
  const files = own.map(({ path, blob }) => {
    const text = changed[path.split('/').pop() as string];
    return { path, blob: text === undefined ? blob : new Blob([text]) };
  });
  const asFile = ({ path, blob }: (typeof files)[number]) => ({ path, file: new File([blob], path) });
  return { kind: 'files', files: files.map(asFile) };
}

/** Anything is too large for one session, and a part holds little. */
const SMALL: VerifyLimits = { whole_bytes: 0, part_bytes: 10_000 };

async function started(changed?: Readonly<Record<string, string>>, limits?: VerifyLimits) {
  const platform = memoryPlatform({}, limits);
  const engine = new Engine(platform);
  await engine.run('start', { backend: 'cpu' });
  await engine.run('open', { source: await source(changed) });
  await engine.run('set_texts', {
    calibration: { kind: 'text', name: 'calibration', text: seededText(1, 400) },
    evaluation: { kind: 'text', name: 'evaluation', text: seededText(2, 300) },
    samples: 4,
    eval_samples: 3,
    seqlen: 16,
  });
  const filesOf = ({ folder }: ExportReport) => platform.exports.get(folder) as Map<string, Uint8Array>;
  return { platform, engine, filesOf };
}

const reopened = (files: Map<string, Uint8Array>): ModelSource => ({
  kind: 'files',
  files: [...files].map(([name, bytes]) => ({ path: `again/${name}`, file: new File([bytes.slice()], name) })),
});

describe('export', () => {
  it.each<[ExportFormat, ExportOptions['precision'], string]>([
    ['onnx', 'f32', 'model.onnx'],
    ['onnx', 'int8', 'model_quantized.onnx'],
    ['onnx', 'int4', 'model_q4.onnx'],
    ['transformers.js', 'f16', 'onnx/model_fp16.onnx'],
    ['transformers.js', 'int4', 'onnx/model_q4.onnx'],
    ['safetensors', 'stored', 'model.safetensors'],
    ['safetensors', 'f16', 'model.safetensors'],
  ])('%s in %s measures exactly that file', async (format, precision, name) => {
    const { engine, filesOf } = await started();
    const slice = await engine.run('compress', slicingRecipe(SLICE));
    const report = await engine.run('export', { id: slice.id, options: { format, precision } });
    expect(report.options).toMatchObject({ format, precision });
    const files = filesOf(report);
    expect([...files.keys()]).toContain(name);
    expect([...files.keys()].sort()).toEqual(report.files.map((file) => file.name).sort());
    expect(report.verified).toBe(true);
    expect(report.needs_onnxruntime).toBe(
      format === 'safetensors' ? undefined : precision === 'int8' ? '1.23' : '1.20',
    );
    expect(Math.abs(report.perplexity / report.perplexity_in_app - 1)).toBeLessThan(1e-3);
    expect(report.max_abs_logit_difference).toBeLessThan(1e-3);
    const written = JSON.parse(new TextDecoder().decode(files.get('report.json'))) as Report;
    expect(written.sliced[0].exports).toMatchObject([{ format, precision, perplexity: report.perplexity }]);
  });

  it('quantised numbers are measured anew, not taken from the chart', async () => {
    const { engine } = await started();
    const slice = await engine.run('compress', slicingRecipe(SLICE));
    const shown = await engine.run('evaluate', { target: slice.id });
    const exported = await engine.run('export', { id: slice.id, options: { precision: 'int8' } });
    expect(exported.perplexity_in_app).not.toBe(shown.perplexity);
    expect(Math.abs(exported.perplexity_in_app / shown.perplexity - 1)).toBeLessThan(0.1);
    // How far they are from the dense model is theirs, too.
    expect(exported.divergence?.kl_divergence).toBeGreaterThan(0);
    expect(exported.divergence?.kl_divergence).not.toBe(shown.divergence?.kl_divergence);
    const asShown = await engine.run('export', { id: slice.id, options: { precision: 'stored' } });
    expect(asShown.divergence).toEqual(shown.divergence);
    const dense = await engine.run('export', { id: 'dense', options: { precision: 'int4' } });
    expect(dense.divergence?.kl_divergence).toBeGreaterThan(0);
  });

  it.each<[ExportFormat, 'dense' | 'sliced']>([
    ['onnx', 'dense'],
    ['onnx', 'sliced'],
    ['transformers.js', 'sliced'],
    ['safetensors', 'dense'],
    ['safetensors', 'sliced'],
    ['gguf', 'dense'],
  ])('what %s holds of a %s model opens again and gives the same perplexity', async (format, kind) => {
    const { engine, filesOf } = await started();
    const id = kind === 'dense' ? 'dense' : (await engine.run('compress', slicingRecipe(SLICE))).id;
    const { perplexity } = await engine.run('evaluate', { target: id });
    const files = filesOf(await engine.run('export', { id, options: { format } }));
    const again = await started();
    const summary = await again.engine.run('open', { source: reopened(files) });
    expect(summary.shape.slicing_refusal === undefined).toBe(kind === 'dense');
    await again.engine.run('set_texts', {
      calibration: { kind: 'text', name: 'calibration', text: seededText(1, 400) },
      evaluation: { kind: 'text', name: 'evaluation', text: seededText(2, 300) },
      samples: 4,
      eval_samples: 3,
      seqlen: 16,
    });
    const measured = await again.engine.run('evaluate', { target: 'dense' });
    expect(measured.perplexity).toBe(perplexity);
  });

  it('several formats of one model stand beside each other; the same again replaces its own', async () => {
    const { engine, platform } = await started();
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    await engine.run('export', { id });
    await engine.run('export', { id, options: { precision: 'int8' } });
    expect(platform.exports.size).toBe(2);
    await engine.run('export', { id });
    expect(platform.exports.size).toBe(2);
    await engine.run('discard', { id });
    expect(platform.exports.size).toBe(0);
  });

  it('the open model itself has its exports, which go when another model is opened', async () => {
    const { engine, platform, filesOf } = await started();
    const report = await engine.run('export', { id: 'dense', options: { precision: 'int8' } });
    const written = JSON.parse(new TextDecoder().decode(filesOf(report).get('report.json'))) as Report;
    expect(written.dense.exports).toMatchObject([{ format: 'onnx', precision: 'int8' }]);
    expect(written.sliced).toEqual([]);
    await engine.run('open', { source: await source() });
    expect(platform.exports.size).toBe(0);
  });

  it.each(['stored', 'f16'] as const)('GGUF in %s is one file, its card and the report', async (precision) => {
    const { engine, filesOf } = await started();
    const report = await engine.run('export', { id: 'dense', options: { format: 'gguf', precision } });
    expect([...filesOf(report).keys()].sort()).toEqual(['README.md', 'model.gguf', 'report.json']);
    expect(report.verified).toBe(true);
    expect(report.max_abs_logit_difference).toBeLessThan(1e-3);
  });

  it('GGUF of a sliced model is refused with the reason, and nothing is left', async () => {
    const { engine, platform } = await started();
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    const refused = engine.run('export', { id, options: { format: 'gguf' } });
    await expect(refused).rejects.toMatchObject({ code: 'bad_option', message: expect.stringContaining('shortcuts') });
    expect(platform.exports.size).toBe(0);
  });

  it('a folder for transformers.js has a card, a generation config and a config that names its file', async () => {
    const { engine, filesOf } = await started();
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    const files = filesOf(
      await engine.run('export', { id, options: { format: 'transformers.js', precision: 'int4' } }),
    );
    const text = (name: string) => new TextDecoder().decode(files.get(name));
    expect(text('README.md')).toMatch(/sparsity of 25 %/);
    expect(JSON.parse(text('generation_config.json'))).toMatchObject({ eos_token_id: 0 });
    expect(JSON.parse(text('config.json'))).toMatchObject({
      'transformers.js_config': { dtype: 'q4' },
      whittle: { method: 'slicegpt', decoder: { version: 1 } },
    });
  });

  it('says beyond which length a graph with dynamic rotary frequencies is another model', async () => {
    const [config] = (await tinyLlama({ hidden_size: 32, intermediate_size: 64, head_dim: 8 })).filter(({ path }) =>
      path.endsWith('config.json'),
    );
    const raw = { ...JSON.parse(await config.blob.text()), rope_scaling: { rope_type: 'dynamic', factor: 2 } };
    const { engine, filesOf } = await started({ 'config.json': JSON.stringify(raw) });
    const report = await engine.run('export', { id: 'dense' });
    expect(report.notes).toEqual([expect.stringContaining(`at most ${raw.max_position_embeddings} tokens`)]);
    expect(new TextDecoder().decode(filesOf(report).get('README.md'))).toContain(report.notes[0]);
  });

  it.each<[ExportFormat, ExportOptions['precision']]>([
    ['onnx', 'stored'],
    ['transformers.js', 'int4'],
  ])(
    'what is too large for one session is verified in parts, with the same result: %s, %s',
    async (format, precision) => {
      const options = { format, precision, external_data: 'always' } as const;
      const [whole, parts] = await Promise.all(
        [undefined, SMALL].map(async (limits) => {
          const { engine, filesOf } = await started(undefined, limits);
          const report = await engine.run('export', { id: 'dense', options });
          return { report, card: new TextDecoder().decode(filesOf(report).get('README.md')) };
        }),
      );
      expect(whole.report.runtimes[0].parts).toBeUndefined();
      expect(parts.report.runtimes[0].parts).toBeGreaterThan(2);
      expect(parts.card).toMatch(/, in \d+ parts\)/);
      expect(Math.abs(parts.report.perplexity / whole.report.perplexity - 1)).toBeLessThan(1e-6);
      const differences = [whole, parts].map(({ report }) => report.max_abs_logit_difference);
      expect(Math.max(...differences)).toBeLessThan(1e-4);
    },
  );

  it('a byte that the disk changed in the weights of one layer is caught in parts, and nothing is left', async () => {
    const { engine, platform } = await started(undefined, SMALL);
    const { createExportFolder } = platform;
    platform.createExportFolder = async (id) => {
      const folder = await createExportFolder(id);
      return {
        ...folder,
        async file(name) {
          const bytes = new Uint8Array(await (await folder.file(name)).arrayBuffer());
          // The exponent of the last layer's last weight.
          if (name.endsWith('.data')) bytes[bytes.length - 1] ^= 0x40;
          return new Blob([bytes]);
        },
      };
    };
    const job = engine.run('export', { id: 'dense', options: { precision: 'f32', external_data: 'always' } });
    await expect(job).rejects.toMatchObject({ code: 'verification_failed' });
    expect(platform.exports.size).toBe(0);
  });

  it.each<[ExportFormat, [string, number][]]>([
    // Every window in one of the builds, the first in each.
    [
      'onnx',
      [
        ['wasm', 2],
        ['webgpu', 1],
      ],
    ],
    ['transformers.js', [['webgpu', 3]]],
    ['safetensors', []],
  ])('tells in which runtimes a file was run: %s', async (format, expected) => {
    const { engine, filesOf } = await started();
    const report = await engine.run('export', { id: 'dense', options: { format } });
    expect(report.runtimes.map(({ build, windows }) => [build, windows])).toEqual(expected);
    const card = new TextDecoder().decode(filesOf(report).get('README.md'));
    for (const { name, version, build } of report.runtimes) {
      expect(version).toMatch(/^\d+\.\d+\.\d+/);
      expect(card).toContain(`${name} ${version} (${build})`);
    }
  });

  it.each(['{ "eos_token_id": 0, ', '[0]', 'null'])(
    'a generation config that cannot be read (%s) is made anew from the config',
    async (text) => {
      const { engine, filesOf } = await started({ 'generation_config.json': text });
      const files = filesOf(await engine.run('export', { id: 'dense' }));
      const written = JSON.parse(new TextDecoder().decode(files.get('generation_config.json')));
      expect(written).toMatchObject({ _from_model_config: true });
    },
  );

  it('numbers that only Python writes are written so that JavaScript reads them', async () => {
    const { engine, filesOf } = await started({
      'generation_config.json': '{ "temperature": NaN, "max_time": Infinity }',
      'tokenizer_config.json': '{ "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": Infinity }',
    });
    const files = filesOf(await engine.run('export', { id: 'dense' }));
    const read = (name: string) => JSON.parse(new TextDecoder().decode(files.get(name)));
    expect(read('generation_config.json')).toEqual({ temperature: null, max_time: Number.POSITIVE_INFINITY });
    expect(read('tokenizer_config.json').model_max_length).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([
    [{ format: 'pickle' }, /format is "pickle"/],
    [{ format: 'safetensors', precision: 'int4' }, /"int4" for safetensors/],
    [{ precision: 'int2' }, /"int2" for onnx/],
  ])('%j is refused before anything is measured', async (options, message) => {
    const { engine } = await started();
    await expect(
      engine.run('export', { id: 'dense', options: options as Partial<ExportOptions> }),
    ).rejects.toThrowError(message);
  });
});
