/**
 * @file What each matrix could become: every linear rounded in each of some ways, on the Gram of what it reads in the dense
 * model, and the tables likewise. Made once, kept packed in the scratch store, and then measured one at a time.
 */
import { breather } from '../../backend/event_loop.ts';
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import { mapWeights } from '../../models/map_weights.ts';
import { dense } from '../../models/packed/dense.ts';
import type { Packing } from '../../models/packed/packing.ts';
import { storePacked } from '../../models/packed/store.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { unitError } from '../layerwise/unit_error.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod, LinearName } from '../layerwise_types.ts';
import type { PassContext } from '../method.ts';
import type { Palette } from './palette.ts';

/** One way to store one matrix. */
export interface Alternative {
  /** As the palette names it. */
  readonly way: string;
  readonly packing: Packing;
  readonly weight: WeightRef;
  /** Share of the output's energy that it loses: see `unit_error.ts`. */
  readonly error: number;
}

/** A matrix that is chosen for: a linear, or the table (with the head that it serves, or that is chosen with it). */
export type Site = { readonly layer: number; readonly name: LinearName } | 'tables';

export interface SiteAlternatives {
  readonly site: Site;
  /** Linears that read the same inputs, this one among them. */
  readonly siblings: readonly LinearName[];
  /** Elements of the matrix (of both tables). */
  readonly elements: number;
  readonly alternatives: readonly Alternative[];
}

/** Every linear of the model in each of the ways that fit it, in model order. @throws as rounding does */
export async function linearAlternatives(
  model: DecoderModel,
  palette: Palette,
  context: PassContext,
): Promise<SiteAlternatives[]> {
  const found: SiteAlternatives[] = [];
  const collector: LinearMethod<undefined> = {
    statistics: () => palette.statistics,
    async change(linear, statistics, _, change) {
      const { W, rows, columns, use, source } = linear;
      const alternatives: Alternative[] = [];
      for (const way of palette.linears) {
        const packing = palette.packing(way, source);
        if (!packing) continue;
        const values = await palette.round(linear, packing, statistics, change);
        const weight = await storePacked(context.scratch, `${use.path}.weight`, values);
        const { error } = unitError(W, dense(values), rows, columns, statistics, change.linalg.multiply);
        alternatives.push({ way, packing, weight, error });
        await change.breathe();
      }
      const site = { layer: use.layer, name: use.name };
      if (alternatives.length > 0) found.push({ site, siblings: use.siblings, elements: rows * columns, alternatives });
      // The model itself stays as it is: inputs of the next matrix are the dense ones.
      return undefined;
    },
  };
  await layerwise(collector, model, undefined, { ...context, before: [], after: [], checkpoints: undefined });
  return found;
}

/** Embedding and head, both in the same way; a tied table is one. None where no way fits both. */
export async function tableAlternatives(
  model: DecoderModel,
  palette: Palette,
  context: PassContext,
): Promise<{ sites: SiteAlternatives[]; models: readonly DecoderModel[] }> {
  const tables = [...new Set([model.embed_tokens.weight, model.lm_head.weight])];
  const alternatives: Alternative[] = [];
  const models: DecoderModel[] = [];
  const breathe = breather(context.signal);
  for (const way of palette.tables) {
    const packings = tables.map((table) => palette.packing(way, table));
    if (packings.some((packing) => !packing)) continue;
    const stored = new Map<WeightRef, WeightRef>();
    let worst = 0;
    for (const [i, table] of tables.entries()) {
      const [rows, columns] = table.shape;
      const values = Float64Array.from(decodeStored(await table.read(), table.dtype));
      const packed = await palette.roundTable(values, rows, columns, packings[i] as Packing, async () => breathe());
      worst = Math.max(worst, unitError(values, dense(packed), rows, columns, {}).error);
      stored.set(table, await storePacked(context.scratch, table.name, packed));
    }
    const [packing] = packings as Packing[];
    alternatives.push({ way, packing, weight: stored.get(tables[0]) as WeightRef, error: worst });
    models.push(mapWeights(model, (weight) => stored.get(weight) ?? weight));
  }
  const elements = tables.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
  const sites: SiteAlternatives[] = [{ site: 'tables', siblings: [], elements, alternatives }];
  return { sites: alternatives.length > 0 ? sites : [], models };
}
