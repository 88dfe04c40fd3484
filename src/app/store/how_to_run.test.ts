import { describe, expect, it } from 'vitest';
import { EXPORT_FORMATS } from './exports.ts';
import { howToRun, weightFiles } from './how_to_run.ts';

const named = (...names: string[]) => names.map((name) => ({ name }));
const text = (lines: readonly string[]) => lines.join('\n');

describe('how to run an export', () => {
  it('names the folder that the archive unpacks to, and the file that is in it', () => {
    const onnx = howToRun({ format: 'onnx', precision: 'int4' }, named('config.json', 'model_q4.onnx'), 'a-25');
    expect(text(onnx.lines)).toContain('"a-25/model_q4.onnx"');
    const gguf = howToRun({ format: 'gguf', precision: 'stored' }, named('tiny.gguf'), 'a-25');
    expect(gguf.lines).toEqual(['llama-cli -m a-25/tiny.gguf -p "Once upon a time" -n 32']);
  });

  it('asks transformers.js for the numbers that the file has', () => {
    const dtypes = (['f32', 'f16', 'int8', 'int4'] as const).map((precision) => {
      const { lines } = howToRun({ format: 'transformers.js', precision }, [], 'a');
      return /dtype: '(\w+)'/.exec(text(lines))?.[1];
    });
    expect(dtypes).toEqual(['fp32', 'fp16', 'q8', 'q4']);
  });

  it('sends shapes that transformers lacks to Whittle, and says what else has to be installed', () => {
    const choice = { format: 'safetensors', precision: 'stored' } as const;
    expect(howToRun(choice, named('model.safetensors'), 'a').title).toMatch(
      /^With transformers \(pip install transformers\)/,
    );
    expect(howToRun(choice, named('model.safetensors', 'slicing_config.json'), 'a').title).toMatch(/^With Whittle/);
    expect(howToRun({ ...choice, format: 'gptq' }, [], 'a').title).toContain('gptqmodel');
  });

  it('takes a few lines in every format', () => {
    for (const format of EXPORT_FORMATS) {
      const { lines } = howToRun({ format, precision: 'stored' }, [], 'a');
      expect(lines.length, format).toBeGreaterThan(0);
      expect(lines.length, format).toBeLessThanOrEqual(4);
    }
  });
});

it('weights are what is compared: no config, the largest first', () => {
  const files = [
    { name: 'config.json', bytes: 9 },
    { name: 'model.onnx', bytes: 1 },
    { name: 'model.onnx.data', bytes: 5 },
  ];
  expect(weightFiles(files).map(({ name }) => name)).toEqual(['model.onnx.data', 'model.onnx']);
});
