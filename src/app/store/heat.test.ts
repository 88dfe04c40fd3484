import { describe, expect, it } from 'vitest';
import { siteReport } from '../testing.ts';
import { energyMap, heatEnds, heatScale, stepMap } from './heat.ts';

const site = (at: number, label: string) => ({ ...siteReport(at, [1]), label });

describe('a map of layers', () => {
  it('has each site where it is read, and the last one beside it', () => {
    const labels = ['embedding', 'layer 0 MLP input', 'layer 0 output', 'layer 1 MLP input', 'layer 1 output'];
    const energies = labels.map((label, at) => ({ site: at, label, discarded: at / 10, is_cut: true }));
    const map = energyMap(
      energies,
      labels.map((label, at) => site(at, label)),
    );
    expect(map.rows).toEqual(['attention input', 'MLP input']);
    expect(map.layers).toBe(2);
    const at = (layer: number, row: string) =>
      map.cells.find((cell) => cell.layer === layer && cell.row === row)?.value;
    expect([at(0, 'attention input'), at(0, 'MLP input'), at(1, 'attention input'), at(1, 'MLP input')]).toEqual([
      0, 0.1, 0.2, 0.3,
    ]);
    expect(map.beside).toEqual([{ label: 'head input (layer 1 output)', value: 0.4 }]);
  });

  it('has one row for parallel blocks', () => {
    const labels = ['embedding', 'layer 0 output', 'layer 1 output'];
    const energies = labels.map((label, at) => ({ site: at, label, discarded: 0.1, is_cut: true }));
    const map = energyMap(
      energies,
      labels.map((label, at) => site(at, label)),
    );
    expect(map.rows).toEqual(['layer input']);
    expect(map.cells.map(({ layer }) => layer)).toEqual([0, 1]);
  });

  it('has the linears of a step, and tables beside them', () => {
    const unit = (name: string, layer: number | undefined, error: number) => ({
      unit: name,
      layer,
      error,
      measured: 'gram' as const,
      bytes: 1,
    });
    const units = [
      unit('model.embed_tokens', undefined, 0.5),
      unit('model.layers.0.self_attn.q_proj', 0, 0.1),
      unit('model.layers.1.mlp.down_proj', 1, 0.2),
    ];
    const map = stepMap({ method: 'gptq', units });
    expect(map).toMatchObject({
      layers: 2,
      rows: ['q_proj', 'down_proj'],
      beside: [{ label: 'model.embed_tokens', value: 0.5 }],
    });
    expect(stepMap({ method: 'correct', units: [] })).toBeNull();
  });
});

describe('the scale of a map', () => {
  it('rises with the value from nothing to the most, whatever the span', () => {
    for (const values of [[0.1, 0.2, 0.3], [1e-6, 1e-3, 0.5], [0.2], [0, 0, 0.4]]) {
      const scale = heatScale(values);
      const shown = [0, ...values].map(scale);
      expect(shown[0]).toBe(0);
      expect(Math.max(...shown)).toBeCloseTo(1, 12);
      expect(shown).toEqual([...shown].sort((a, b) => a - b));
      for (const value of values) if (value > 0) expect(scale(value)).toBeGreaterThan(0);
    }
    expect(heatScale([])(1)).toBe(0);
    expect(heatScale([Number.NaN, 1])(Number.NaN)).toBe(0);
  });
});

it('a key begins with the colour that the least value has', () => {
  const mapOf = (...values: number[]) => ({
    cells: values.map((value) => ({ layer: 0, row: 'q_proj', label: '', value })),
  });
  const near = mapOf(0.0063, 0.0068);
  expect(heatEnds(near)).toEqual({ least: 0.0063, most: 0.0068, from: heatScale([0.0063, 0.0068])(0.0063) });
  expect(heatEnds(near)?.from).toBeGreaterThan(0.9);
  expect(heatEnds(mapOf(0.001, 0.5))?.from).toBeLessThan(0.2);
  expect(heatEnds(mapOf(0))).toBeNull();
});
