/** @file Embedding and head in grouped integers: a small model's largest table, and the cheapest bytes to save. */
import * as v from 'valibot';
import { breather } from '../../backend/event_loop.ts';
import type { DecoderModel, ModelOutline, WeightOutline, WeightRef } from '../../models/decoder_model.ts';
import { mapWeights } from '../../models/map_weights.ts';
import { packedWeightBytes } from '../../models/model_size.ts';
import { dense } from '../../models/packed/dense.ts';
import { storePacked } from '../../models/packed/store.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { isFloatType } from '../../tensor/dtype.ts';
import { packedOutline, tableName } from '../layerwise/plan_linears.ts';
import { sourceIntegers } from '../layerwise/source_blocks.ts';
import { unitError } from '../layerwise/unit_error.ts';
import type { CompressedModel, Method, PassContext, UnitReport } from '../method.ts';
import { choice, numberOr } from '../options/fields.ts';
import { type IntegerOptions, integerPacking } from '../options/integers.ts';
import { nearestValues } from '../solvers/packed_values.ts';

export interface EmbedOptions extends Pick<IntegerOptions, 'bits' | 'grid'> {
  readonly group: number | 'row' | 'auto';
}

export const embed: Method<EmbedOptions> = {
  name: 'embed',
  about: {
    label: 'Table and head',
    group: 'quantise',
    help: 'Embedding and head in integers, rounded to nearest. 8 bits a row cost next to nothing anywhere; in small models the table is most of the file.',
  },
  options: v.strictObject({
    bits: choice({ label: 'Bits', help: 'Bits of a number of the tables.', unit: 'bits' }, [2, 3, 4, 8], 8),
    group: numberOr(
      {
        label: 'Group',
        help: 'Numbers of a row that share a scale. auto: the row for 8 bits, else 32.',
        unit: 'numbers',
      },
      ['auto', 'row'],
      { min: 8, max: 65536, value: 'auto', whole: true },
    ),
    grid: choice({ label: 'Grid', help: 'As in rtn.' }, ['source', 'integer', 'minimum'], 'source'),
  }),
  refusal: () => undefined,
  plan: (model, options) => planTables(model, options),
  run: packTables,
};

function packingOf({ bits, group, grid }: EmbedOptions, table: WeightOutline) {
  return integerPacking({ bits, grid, group: group === 'auto' ? (bits === 8 ? 'row' : 32) : group }, table);
}

function planTables(model: ModelOutline, options: EmbedOptions): ModelOutline {
  return mapWeights(model, (weight, role) =>
    role === 'table' || role === 'head'
      ? packedOutline(tableName(model, weight), weight, packingOf(options, weight))
      : weight,
  );
}

async function packTables(model: DecoderModel, options: EmbedOptions, context: PassContext): Promise<CompressedModel> {
  const tables = [...new Set([model.embed_tokens.weight, model.lm_head.weight])];
  const packed = new Map<WeightRef, WeightRef>();
  const units: UnitReport[] = [];
  const layers = model.layers.length;
  const breathe = breather(context.signal);
  for (const [i, table] of tables.entries()) {
    context.observer.onProgress({
      fraction: i / tables.length,
      layer: 0,
      layers,
      step: 'embedding and head',
      tokens: 0,
    });
    const [rows, columns] = table.shape;
    const stored = await table.read();
    const values = decodeStored(stored, table.dtype);
    await breathe();
    const W = Float64Array.from(values);
    const packing = packingOf(options, table);
    const own = await sourceIntegers(
      {
        ...{ W, rows, columns, source: table },
        ...(!isFloatType(table.dtype) && { blocks: stored }),
        ...(table.unpack && { unpack: table.unpack.bind(table) }),
      },
      packing,
    );
    const found = own ?? nearestValues(W, rows, columns, packing);
    const weight = await storePacked(context.scratch, tableName(model, table), found);
    packed.set(table, weight);
    const figure = unitError(values, dense(found), rows, columns, {});
    units.push({ unit: weight.name.replace(/\.weight$/, ''), ...figure, bytes: packedWeightBytes(weight) });
  }
  return { model: mapWeights(model, (weight) => packed.get(weight) ?? weight), sites: [], units };
}
