import { describe, expect, it } from 'vitest';
import { WhittleError } from '../errors/errors.ts';
import { HEALING } from './healing.ts';
import { exportChoices, HelpWanted, parseOptions, USAGE } from './options.ts';

function refusal(...argv: string[]): WhittleError {
  try {
    parseOptions(argv);
  } catch (thrown) {
    if (thrown instanceof WhittleError) return thrown;
    throw thrown;
  }
  throw new Error('the options were accepted');
}

describe('the options of the headless command', () => {
  it('takes where windows begin with BOS', () => {
    expect(parseOptions(['--model', 'demo', '--bos', 'each']).bos).toBe('each');
    expect(refusal('--model', 'demo', '--bos', 'always')).toMatchObject({
      code: 'bad_option',
      allowed: 'none, first, each',
    });
  });

  it('takes the file of a trace', () => {
    expect(parseOptions(['--model', 'demo', '--trace', 't.json']).trace).toBe('t.json');
    expect(parseOptions(['--model', 'demo'])).not.toHaveProperty('trace');
  });

  it('makes nothing but the importance matrix where only that is asked for', () => {
    const parsed = (...argv: string[]) => parseOptions(['--model', 'demo', '--imatrix-out', 'i.gguf', ...argv]);
    expect(parsed()).toMatchObject({ imatrix_out: 'i.gguf', sparsity: [], format: [] });
    expect(parsed('--format', 'gguf')).toMatchObject({ sparsity: [], format: ['gguf'] });
    expect(parsed('--sparsity', '0.1')).toMatchObject({ sparsity: [0.1], format: ['onnx'] });
    expect(parsed('--recipe', 'gguf')).toMatchObject({ sparsity: [], format: ['onnx'] });
  });

  it('takes types of GGUF files for recipes of their own', () => {
    const parsed = (...argv: string[]) => parseOptions(['--model', 'demo', ...argv]);
    const { recipe, format, sparsity } = parsed('--gguf-type', 'Q4_K_M, q8_0');
    expect(recipe?.map(({ text }) => text)).toEqual(['gguf:type=q4_k_m', 'gguf:type=q8_0']);
    expect({ format, sparsity }).toEqual({ format: ['gguf'], sparsity: [] });
    const beside = parsed('--gguf-type', 'q2_k', '--recipe', 'depth', '--format', 'gguf,onnx');
    expect(beside.recipe?.map(({ text }) => text)).toEqual(['depth', 'gguf:type=q2_k']);
    expect(beside.format).toEqual(['gguf', 'onnx']);
    expect(refusal('--model', 'demo', '--gguf-type', 'q4_k_xl')).toMatchObject({
      place: { field: '--gguf-type' },
      allowed: expect.stringContaining('q4_k_m'),
    });
  });

  it('takes kinds of built-in texts, one for both or one each, where no file takes their place', () => {
    const kinds = (...argv: string[]) => parseOptions(['--model', 'demo', ...argv]).text_kind;
    expect(kinds('--text-kind', 'code')).toEqual({ calibration: 'code', evaluation: 'code' });
    expect(kinds('--text-kind', 'chat, prose')).toEqual({ calibration: 'chat', evaluation: 'prose' });
    expect(kinds('--text-kind', 'chat', '--calibration', 'a.txt')).toEqual({ calibration: 'chat', evaluation: 'chat' });
    for (const argv of [
      ['poems'],
      ['code,'],
      ['code,chat,prose'],
      ['code,chat', '--evaluation', 'a.txt'],
      ['code', '--calibration', 'a.txt', '--evaluation', 'b.txt'],
    ]) {
      const error = refusal('--model', 'demo', '--text-kind', ...argv);
      expect(error).toMatchObject({ code: 'bad_option', place: { field: '--text-kind' } });
      expect(error.message).toContain(`"${argv[0]}"`);
    }
    expect(refusal('--model', 'demo', '--text-kind', 'poems').allowed).toContain('prose, articles, code, chat');
  });

  it('has the documented defaults', () => {
    expect(parseOptions(['--model', 'demo'])).toEqual({
      model: 'demo',
      hub_endpoint: 'https://huggingface.co',
      calibration: undefined,
      evaluation: undefined,
      samples: 16,
      eval_samples: 16,
      seqlen: 256,
      sparsity: [0.25],
      round: 8,
      schedule: 'sequential',
      fusion: 'exact',
      head: 'auto',
      backend: 'auto',
      repeat_on: 'none',
      format: ['onnx'],
      precision: ['stored'],
      out: 'out',
    });
  });

  it('tells every default in --help as it is', () => {
    const told = [...USAGE.matchAll(/^ {2}--(\S+) .*\(([^()]+)\)$/gm)].map(([, name, value]) => [name, value]);
    const { prompt, ...rest } = parseOptions(['--model', 'demo', '--prompt', 'Hi']);
    const { as, max_tokens, sampling } = prompt as NonNullable<typeof prompt>;
    const all = { ...rest, prompt_as: as, max_tokens, ...sampling };
    const defaults = Object.entries(all).filter(([name]) => name !== 'model');
    expect(Object.fromEntries(told)).toEqual(
      Object.fromEntries(
        defaults.map(([name, value]) => [
          name.replace('_', '-'),
          value === undefined ? 'the built-in text' : name === 'out' ? `${value}/` : String(value),
        ]),
      ),
    );
  });

  it('heals and does nothing else, whatever the demo asks for', () => {
    const demo = [
      '--model',
      'demo',
      '--sparsity',
      '0.25',
      '--target-size',
      '35%',
      '--backend',
      'webgpu',
      '--repeat-on',
      'cpu',
    ];
    const options = parseOptions([...demo, '--heal']);
    expect(options).toMatchObject({ sparsity: [], backend: 'auto', repeat_on: 'none', samples: 64 });
    expect(options.target).toBeUndefined();
    expect(options.recipe?.map(({ text }) => text)).toEqual([HEALING]);
    const own = ['--heal', '--recipe', 'heal:steps=5', '--samples', '20'];
    expect(parseOptions([...demo, ...own])).toMatchObject({ samples: 20, recipe: [{ text: 'heal:steps=5' }] });
  });

  it('reads several sparsities, once each', () => {
    expect(parseOptions(['--model=m', '--sparsity', '0.1, .2,0.2,0']).sparsity).toEqual([0.1, 0.2, 0]);
  });

  it('takes none for no slicing at all', () => {
    expect(parseOptions(['--model=m', '--sparsity', 'none']).sparsity).toEqual([]);
    expect(refusal('--model=m', '--sparsity', 'none,0.2').allowed).toContain('none, or one');
  });

  it('exports every format in every precision that it has', () => {
    expect(exportChoices(parseOptions(['--model=m', '--format=none']))).toEqual([]);
    const options = parseOptions(['--model=m', '--format', 'onnx,safetensors', '--precision', 'f16,int4']);
    expect(exportChoices(options)).toEqual([
      { format: 'onnx', precision: 'f16' },
      { format: 'onnx', precision: 'int4' },
      { format: 'safetensors', precision: 'f16' },
    ]);
  });

  it.each([
    ['a format with none of the precisions', ['--format=onnx,safetensors', '--precision=int4'], '--precision', 'f16'],
    ['a precision with none of the formats', ['--format=safetensors', '--precision=f16,int8'], '--format', 'onnx'],
    ['a sliced GGUF', ['--format=gguf'], '--format', 'safetensors'],
    ['an unknown format', ['--format=onnx,pickle'], '--format', 'gguf'],
    ['an unknown precision', ['--precision=int2'], '--precision', 'int4'],
  ])('refuses %s', (_, argv, field, allowed) => {
    const error = refusal('--model', 'demo', ...argv);
    expect(error).toMatchObject({ code: 'bad_option', place: { field } });
    expect(error.allowed).toContain(allowed);
  });

  it.each([['25'], ['1'], ['-0.1'], ['a quarter'], ['0.1,,0.2'], ['NaN'], ['']])(
    'refuses sparsity "%s" and says how to write it',
    (value) => {
      const error = refusal('--model', 'demo', `--sparsity=${value}`);
      expect(error.isBadInput).toBe(true);
      expect(error.place.field).toBe('--sparsity');
      expect(error.action).toContain('0.25');
    },
  );

  it.each([
    ['seqlen', '1', 'at least 2'],
    ['samples', '0', 'at least 1'],
    ['eval-samples', '1.5', 'whole number'],
    ['round', '-8', 'at least 1'],
    ['schedule', 'twice', 'sequential, rotate-once'],
    ['fusion', 'none', 'exact, official'],
    ['head', 'small', 'tied-sliced'],
    ['backend', 'cuda', 'auto, webgpu, cpu'],
  ])('refuses --%s %s and says what is allowed', (option, value, allowed) => {
    const error = refusal('--model', 'demo', `--${option}=${value}`);
    expect(error.code).toBe('bad_option');
    expect(error.message).toContain(value);
    expect(error.allowed).toContain(allowed);
  });

  it.each([
    ['sparsity', '-0.1', 'from 0'],
    ['sparsity', '-.5,0.2', 'from 0'],
    ['round', '-8', 'at least 1'],
    ['seqlen', '-1', 'at least 2'],
  ])('names the range for --%s %s, a negative number after a space', (option, value, allowed) => {
    const error = refusal('--model', 'demo', `--${option}`, value);
    expect(error.code).toBe('bad_option');
    expect(error.message).toContain(`"${value}"`);
    expect(error.allowed).toContain(allowed);
  });

  it('refuses an unknown option, a stray word and a missing value', () => {
    expect(refusal('--model', 'demo', '--speed', '9').message).toContain('--speed');
    expect(refusal('demo').message).toContain('demo');
    expect(refusal('--model').message).toContain('--model');
  });

  it('asks for a model', () => {
    expect(refusal('--sparsity', '0.1').action).toContain('--model demo');
  });

  it('treats --help as no fault', () => {
    expect(() => parseOptions(['--help'])).toThrow(HelpWanted);
  });

  it('takes files of tasks, separated by commas, and a limit', () => {
    const options = parseOptions(['--model', 'demo', '--tasks', 'a.jsonl, b.jsonl', '--task-limit', '100']);
    expect(options).toMatchObject({ tasks: ['a.jsonl', 'b.jsonl'], task_limit: 100 });
    expect(() => parseOptions(['--model', 'demo', '--tasks', 'a,,b'])).toThrow(/--tasks/);
    expect(() => parseOptions(['--model', 'demo', '--task-limit', '0'])).toThrow(/--task-limit/);
  });
});
