/** @file GGUF's block types as the solver chooses among them, made whole by the `gguf` step, with `correct` before it or without. */
import type { DecoderModel, WeightOutline } from '../../models/decoder_model.ts';
import type { Blocks } from '../../models/packed/packing.ts';
import { blockOf, bytesPerElement } from '../../tensor/dtype.ts';
import type { EncodableType } from '../../tensor/quant/encode/encode.ts';
import { layerLinears, linearOf, linearUse } from '../layerwise/half.ts';
import { sourceBlocks } from '../layerwise/source_blocks.ts';
import type { PassContext } from '../method.ts';
import { joinMix } from '../options/mix.ts';
import { mostFrequent, type Palette } from '../solver/palette.ts';
import { blockValues } from './block_values.ts';
import type { FileType } from './file_types.ts';
import { givenImportance } from './importance.ts';
import { asPacking, BLOCKS, modelFacts, packingOf, typeNamed } from './types_of_model.ts';

/** The least bytes first; of types that take the same, the more exact one. */
const WIDE = ['q2_k', 'q3_k', 'q4_k', 'q5_k', 'q6_k', 'q8_0'];
/** Where rows are no multiple of 256. */
const NARROW = ['iq4_nl', 'q5_0', 'q8_0'];
const TABLES = ['q4_k', 'q6_k', 'q8_0', 'iq4_nl', 'q5_0'];

/** The types of files whose linears all have one block type, but for llama.cpp's own exceptions, which the mix undoes. */
const FILE_OF: Partial<Record<string, FileType>> = { q3_k: 'q3_k_s', q4_k: 'q4_k_s', q5_k: 'q5_k_s' };

/** Blocks of the opened file: a matrix that keeps its own loses nothing. */
function ownTypes(model: DecoderModel): string[] {
  const types = model.layers.flatMap((layer) => layerLinears(layer).map((name) => linearOf(layer, name).weight.dtype));
  const names = types.map((type) => type.toLowerCase());
  return names.filter((name) => (BLOCKS as readonly string[]).includes(name));
}

function leastFirst(ways: readonly string[]): string[] {
  const bytes = (way: string) => bytesPerElement(typeNamed(way));
  return [...new Set(ways)].sort((a, b) => bytes(a) - bytes(b));
}

/** @param importance From a file, in place of the text's. */
export function ggufPalette(model: DecoderModel, importance?: PassContext['importance']): Palette {
  const wide = blockOf('Q6_K').elements;
  const { is_fused } = modelFacts(model, 'inputs');
  return {
    linears: leastFirst([...WIDE, ...NARROW, ...(is_fused ? [] : ownTypes(model))]),
    tables: TABLES,
    statistics: ['diagonal'],
    is_fused,
    packing(way, { shape, dtype }) {
      const columns = shape[1];
      const type = typeNamed(way);
      const fits = columns % blockOf(type).elements === 0;
      const isWanted = columns % wide === 0 ? WIDE.includes(way) : NARROW.includes(way);
      return fits && (isWanted || (dtype === type && !is_fused)) ? asPacking(type) : undefined;
    },
    round(linear, packing, { diagonal }, { breathe }) {
      const { W, rows, columns, use } = linear;
      const kept = sourceBlocks(linear, (packing as Blocks).dtype);
      if (kept) return kept;
      const own = importance ? givenImportance(importance, use, columns) : diagonal;
      return blockValues(W, rows, columns, (packing as Blocks).dtype as EncodableType, own, breathe);
    },
    roundTable: (values, rows, columns, packing, breathe) =>
      blockValues(values, rows, columns, (packing as Blocks).dtype as EncodableType, undefined, breathe),
    recipes(table, chosen) {
      const common = mostFrequent(chosen);
      const type = FILE_OF[common] ?? (common as FileType);
      const options = { type, table: undefined, importance: 'inputs', mix: undefined } as const;
      const facts = modelFacts(model, 'inputs');
      const others = chosen.filter(([layer, name, way]) => {
        const of = model.layers[layer];
        const columns = (linearOf(of, name).weight as WeightOutline).shape[1];
        const planned = packingOf(options, columns, linearUse(of, name, 'F16'), facts);
        return planned?.dtype !== typeNamed(way);
      });
      const mix = others.length > 0 ? `,mix=${joinMix(others)}` : '';
      const step = `gguf:type=${type}${table === undefined ? '' : `,table=${table}`}${mix}`;
      return [`correct:ridge=1; ${step}`, `correct:ridge=0.3; ${step}`, step];
    },
  };
}
