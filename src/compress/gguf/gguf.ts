/**
 * @file Weights in the blocks of GGUF's types, as llama.cpp's quantiser mixes them, with scales searched under how much the
 * text uses each input (what llama.cpp calls an importance matrix: the Gram's diagonal).
 */
import * as v from 'valibot';
import { breather } from '../../backend/event_loop.ts';
import type { DecoderModel, ModelOutline, WeightOutline, WeightRef } from '../../models/decoder_model.ts';
import { mapWeights } from '../../models/map_weights.ts';
import { packedWeightBytes } from '../../models/model_size.ts';
import { storePacked } from '../../models/packed/store.ts';
import type { BlocksValues } from '../../models/packed/values.ts';
import { decodeStored } from '../../tensor/decode.ts';
import type { EncodableType } from '../../tensor/quant/encode/encode.ts';
import { packedOutline, planLinears, tableName } from '../layerwise/plan_linears.ts';
import { sourceBlocks } from '../layerwise/source_blocks.ts';
import { unitError } from '../layerwise/unit_error.ts';
import { layerwise } from '../layerwise.ts';
import { type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { CompressedModel, Method, PassContext, UnitReport } from '../method.ts';
import { choice, maybe, text } from '../options/fields.ts';
import { isMix, mixRefusal } from '../options/mix.ts';
import { blockValues } from './block_values.ts';
import { FILE_TYPES, fitting, headType, tableType } from './file_types.ts';
import { assertLayersOfFile, givenImportance } from './importance.ts';
import {
  asPacking,
  BLOCKS,
  type Facts,
  modelFacts,
  type GgufStepOptions as Options,
  packingOf,
  typeNamed,
} from './types_of_model.ts';

/** @param given From a file, in place of the text's own figures. */
function linearsOf(facts: Facts, given?: PassContext['importance']): LinearMethod<Options> {
  return {
    statistics: ({ importance }) => (importance === 'inputs' && !given ? ['diagonal'] : []),
    async change(linear, { diagonal }, options, { breathe }) {
      const { W, rows, columns, use } = linear;
      const packing = packingOf(options, columns, use, facts);
      if (!packing) return undefined;
      const kept = sourceBlocks(linear, packing.dtype);
      if (kept) return kept;
      // With `correct` the diagonal is there in any case.
      const own = given ? givenImportance(given, use, columns) : diagonal;
      const importance = options.importance === 'inputs' ? own : undefined;
      return blockValues(W, rows, columns, packing.dtype as EncodableType, importance, breathe);
    },
  };
}

/** Embedding and head: by the option, else as the file's type has them. */
function tablePacking({ embed_tokens, lm_head, config }: ModelOutline, options: Options, table: WeightOutline) {
  const columns = table.shape[1];
  if (options.table) return asPacking(fitting(typeNamed(options.table), columns));
  const isHead = table === lm_head.weight;
  const type = isHead
    ? headType(options.type, columns, config.model_type === 'falcon')
    : tableType(options.type, columns);
  return table === embed_tokens.weight || isHead ? asPacking(type) : undefined;
}

async function run(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  if (context.importance && options.importance === 'inputs') assertLayersOfFile(model, context.dense);
  const made = await layerwise(
    linearsOf(modelFacts(model, options.importance), context.importance),
    model,
    options,
    context,
  );
  const stored = new Map<WeightRef, WeightRef>();
  const units: UnitReport[] = [];
  const breathe = breather(context.signal);
  for (const table of new Set([model.embed_tokens.weight, model.lm_head.weight])) {
    const packing = tablePacking(model, options, table);
    if (!packing) continue;
    const layers = model.layers.length;
    context.observer.onProgress({ fraction: 0.98, layer: layers - 1, layers, step: 'embedding and head', tokens: 0 });
    const [rows, columns] = table.shape;
    const bytes = await table.read();
    const W = decodeStored(bytes, table.dtype);
    const values: BlocksValues =
      table.dtype === packing.dtype
        ? { packing, rows, columns, blocks: bytes }
        : await blockValues(W, rows, columns, packing.dtype as EncodableType, undefined, async () => breathe());
    const weight = await storePacked(context.scratch, tableName(model, table), values);
    stored.set(table, weight);
    const figure = unitError(W, decodeStored(values.blocks, packing.dtype), rows, columns, {});
    units.push({ unit: weight.name.replace(/\.weight$/, ''), ...figure, bytes: packedWeightBytes(weight) });
  }
  const all = mapWeights(made.model, (weight) => stored.get(weight) ?? weight);
  return { ...made, model: all, units: [...(made.units ?? []), ...units] };
}

export const gguf: Method<Options> = {
  name: 'gguf',
  about: {
    label: 'GGUF blocks',
    group: 'quantise',
    help: 'Every matrix in the block types of llama.cpp, mixed as its own quantiser mixes them, with scales chosen by how much the text uses each input. For files that llama.cpp, Ollama or LM Studio shall run: export as GGUF.',
  },
  options: v.strictObject({
    type: choice(
      {
        label: 'Type',
        help: 'Of the file, as llama-quantize names it. q4_k_m is what most people take; q8_0 is next to lossless. Rows that are no multiple of 256 get the block type of 32 that llama.cpp takes instead.',
      },
      FILE_TYPES,
      'q4_k_m',
    ),
    table: maybe(
      { label: 'Tables', help: 'Block type of embedding and head; absent: as the file’s type has them.' },
      BLOCKS,
    ),
    importance: choice(
      {
        label: 'Importance',
        help: 'inputs: errors count by how much the calibration text uses each input, or as an opened imatrix file says; none: all alike, and no text is run.',
      },
      ['inputs', 'none'],
      'inputs',
    ),
    mix: text(
      { label: 'Mix', help: 'Linears with a block type of their own, as the solver for a target size finds them.' },
      'LAYER.LINEAR:TYPE joined by +, as in 0.down_proj:q6_k+3.o_proj:q5_0',
      (value) => isMix(value, (name) => (BLOCKS as readonly string[]).includes(name)),
    ),
  }),
  takes: ['correct'],
  refusal: (model, { mix }) => mixRefusal(model, mix),
  plan(model, options) {
    const facts = modelFacts(model, options.importance);
    const linears = planLinears(model, ({ shape }, use) => packingOf(options, shape[1], use, facts) ?? 'kept');
    return mapWeights(linears, (weight, role) => {
      const packing = role === 'table' || role === 'head' ? tablePacking(model, options, weight) : undefined;
      return packing ? packedOutline(tableName(model, weight), weight, packing) : weight;
    });
  },
  reads: (options) => readsOf(linearsOf({} as Facts))(options),
  run,
};
