/**
 * @file Factors of canonical linears as factors of the modules that a family stores. Where one module is several linears (GPT-2's c_attn,
 * Phi-3's qkv_proj), their factors become one pair of the ranks' sum: A's under each other, B's as blocks in the rows that are theirs.
 */
import type { RawConfig } from '../../formats/hf/config.ts';
import type { WeightRef } from '../../models/decoder_model.ts';
import type { LinearFactors, LowRankAdapter } from '../../models/low_rank.ts';
import { weightNames } from '../../models/sliced/weight_names.ts';
import { partsOf, viewOf } from '../../models/weight_views.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { familyForm } from '../safetensors/family_form.ts';
import type { AdapterToWrite, FactorMatrix, ModuleFactors } from './write_adapter.ts';

/** A linear within a module: its row i is row `row(i)` there. */
interface Part {
  readonly factors: LinearFactors | undefined;
  readonly rows: number;
  readonly row: (row: number) => number;
}

/** @param config Of the model that was opened, as for the base's own export. */
export function adapterModules(adapter: LowRankAdapter, config: RawConfig): Omit<AdapterToWrite, 'base'> {
  const { base, rank, alpha } = adapter;
  const names = familyForm(base, config)?.names ?? weightNames(base);
  const known = new Map(adapter.factors.map((each) => [each.weight, each]));
  const factors: ModuleFactors[] = [];
  let fan_in_fan_out = false;
  for (const [ref, name] of names) {
    const { parts, isTurned } = inModule(ref, known);
    if (!parts.some((part) => part.factors)) continue;
    fan_in_fan_out ||= isTurned;
    factors.push(joined(name.replace(/\.weight$/, ''), parts, rank));
  }
  const found = factors.reduce((sum, each) => sum + (each.rank ?? rank) / rank, 0);
  if (found !== adapter.factors.length)
    throw new RangeError(`${found} of ${adapter.factors.length} linears are stored`);
  return { rank, alpha, fan_in_fan_out, factors };
}

function inModule(
  ref: WeightRef,
  known: ReadonlyMap<WeightRef, LinearFactors>,
): { parts: readonly Part[]; isTurned: boolean } {
  const factors = known.get(ref);
  if (factors) return { parts: [{ factors, rows: ref.shape[0], row: (row) => row }], isTurned: false };
  const view = viewOf(ref);
  if (view?.kind === 'transposed') return { ...inModule(view.of, known), isTurned: true };
  const parts = partsOf(ref)?.flatMap(({ ref: part, target }) =>
    inModule(part, known).parts.map(({ row, ...rest }) => ({ ...rest, row: (i: number) => target(row(i)) })),
  );
  return { parts: parts ?? [{ factors: undefined, rows: ref.shape[0], row: (row) => row }], isTurned: false };
}

function joined(module: string, parts: readonly Part[], rank: number): ModuleFactors {
  const trained = parts.flatMap(({ factors, row }) => (factors ? [{ ...factors, row }] : []));
  const [first] = trained;
  const out = parts.reduce((sum, { rows }) => sum + rows, 0);
  const all = trained.length * rank;
  const [, inputs] = first.A.shape;
  const A: FactorMatrix = {
    shape: [all, inputs],
    async read() {
      const values = new Float32Array(all * inputs);
      for (const [i, part] of trained.entries()) values.set(await numbers(part.A), i * rank * inputs);
      return values;
    },
  };
  const B: FactorMatrix = {
    shape: [out, all],
    async read() {
      const values = new Float32Array(out * all);
      for (const [i, part] of trained.entries()) {
        const own = await numbers(part.B);
        for (let row = 0; row < part.B.shape[0]; row++) {
          values.set(own.subarray(row * rank, (row + 1) * rank), part.row(row) * all + i * rank);
        }
      }
      return values;
    },
  };
  return { module, ...(all !== rank && { rank: all }), A, B };
}

async function numbers(ref: WeightRef): Promise<Float32Array> {
  return decodeStored(await ref.read(), ref.dtype);
}
