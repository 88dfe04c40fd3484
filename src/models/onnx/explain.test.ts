import { describe, expect, it } from 'vitest';
import { toErrorData, WhittleError } from '../../errors/errors.ts';
import { explainOnnx } from './explain.ts';

const missing = new WhittleError({
  code: 'missing_tensor',
  message: 'The weights hold no q.weight.',
  place: { file: 'model_q4.onnx', tensor: 'q.weight' },
  action: 'Fetch them again.',
});
const said = async (onnx: Parameters<typeof explainOnnx>[0], error: unknown) =>
  toErrorData(await explainOnnx(onnx, () => Promise.reject(error)).catch((thrown: unknown) => thrown));

describe('a model that an ONNX file does not give', () => {
  const nameless = { count: 14, example: 'node_linear_Q4' };

  it('is refused for names that a rewritten graph lost, and not as incomplete', async () => {
    const error = await said({ summary: 'ONNX', nameless }, missing);
    expect(error).toMatchObject({ code: 'missing_tensor', place: missing.place });
    expect(error.message).toMatch(
      /^14 products of the graph \(node_linear_Q4 and others\) tell no module .* which is q\.weight\./,
    );
    expect(error.action).toMatch(/before it was optimised or quantised/);
    expect((await said({ summary: 'ONNX', nameless: { count: 1, example: 'n' } }, missing)).message).toMatch(
      /^One product of the graph \(n\) tells/,
    );
  });

  it('keeps its own words where modules are named, or something else is wrong', async () => {
    expect((await said({ summary: 'ONNX' }, missing)).message).toBe('The weights hold no q.weight. The file is ONNX.');
    expect((await said(undefined, missing)).message).toBe('The weights hold no q.weight.');
    const other = new WhittleError({ code: 'bad_config', message: 'No.' });
    expect((await said({ summary: 'ONNX', nameless }, other)).message).toBe('No. The file is ONNX.');
  });
});
