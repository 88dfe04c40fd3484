/** The command `diff` on a tiny model: itself, a run, another model's files; what is only in one; cancelled. */
import { describe, expect, it } from 'vitest';
import { started } from '../../../test/support/test_engine.ts';
import { parseRecipe } from '../../compress/recipe/recipe.ts';
import type { DiffReport } from '../protocol.ts';

const compressed = async (text: string) => {
  const engine = await started();
  const { id } = await engine.run('compress', { steps: parseRecipe(text).steps });
  return { engine, id };
};
const changed = ({ tensors }: DiffReport) => tensors.filter(({ relative_change }) => relative_change !== 0);

describe('the command diff', () => {
  it('finds nothing between a model and itself, and names each tensor once', async () => {
    const engine = await started();
    const report = await engine.run('diff', { a: 'dense', b: 'dense' });
    expect(changed(report)).toEqual([]);
    const names = report.tensors.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('layers.1.mlp.down_proj.weight');
    expect(report.tensors.every(({ a, b }) => a && b && a.bytes === b.bytes)).toBe(true);
  });

  it('tells how far rounded weights are from the dense ones, with their packing and bytes', async () => {
    const { engine, id } = await compressed('rtn:bits=4,group=16');
    const report = await engine.run('diff', { a: 'dense', b: id });
    const rows = changed(report);
    expect(rows.every(({ name }) => /_proj\.weight$/.test(name))).toBe(true);
    expect(rows).toHaveLength(report.tensors.filter(({ name }) => /layers.*_proj\.weight$/.test(name)).length);
    for (const { a, b, relative_change, max_change } of rows) {
      expect(b?.dtype).toMatch(/int4/);
      expect(b?.bytes).toBeLessThan(a?.bytes ?? 0);
      // Half a step of 1/15 of a group's range, against the root mean square of its values.
      expect(relative_change).toBeGreaterThan(0.01);
      expect(relative_change).toBeLessThan(0.2);
      expect(max_change).toBeGreaterThan(0);
    }
  });

  it('has no change for tensors of other shapes, and those that one of the two has alone', async () => {
    const { engine, id } = await compressed('slicegpt:sparsity=0.25,round=2');
    const { tensors } = await engine.run('diff', { a: 'dense', b: id });
    const q = tensors.find(({ name }) => name === 'layers.0.attention.q_proj.weight');
    expect(q?.a?.shape).not.toEqual(q?.b?.shape);
    expect(q).not.toHaveProperty('relative_change');
    expect(tensors.some(({ a, b }) => !a && b)).toBe(true);
  });

  it("reads another model's files", async () => {
    const engine = await started();
    const { tensors } = await engine.run('diff', { a: 'dense', b: { kind: 'demo' } });
    expect(tensors.filter(({ a, b }) => !a && b).length).toBeGreaterThan(0);
    const twice = await engine.run('diff', { a: { kind: 'demo' }, b: { kind: 'demo' } });
    expect(twice.tensors.map(({ relative_change }) => relative_change)).toEqual(twice.tensors.map(() => 0));
    await expect(engine.run('diff', { a: 'dense', b: { kind: 'files', files: [] } })).rejects.toMatchObject({
      code: expect.stringMatching(/./),
    });
    await expect(engine.run('evaluate', { target: 'dense' })).resolves.toMatchObject({ target: 'dense' });
  });

  it('stops when it is cancelled', async () => {
    const engine = await started();
    const cancel = new AbortController();
    const job = engine.run('diff', { a: 'dense', b: { kind: 'demo' } }, () => cancel.abort(), cancel.signal);
    await expect(job).rejects.toMatchObject({ code: 'cancelled' });
  });
});
