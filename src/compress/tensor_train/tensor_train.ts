/** @file TensorGPT (arXiv 2307.00526): every row of the table as a tensor train. Here to be measured, not to be used. */
import * as v from 'valibot';
import type { DecoderModel, ModelOutline, WeightOutline, WeightRef } from '../../models/decoder_model.ts';
import { packedWeightBytes } from '../../models/model_size.ts';
import { dense } from '../../models/packed/dense.ts';
import type { TensorTrain } from '../../models/packed/packing.ts';
import { storePacked } from '../../models/packed/store.ts';
import type { TensorTrainValues } from '../../models/packed/values.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { packedOutline } from '../layerwise/plan_linears.ts';
import { unitError } from '../layerwise/unit_error.ts';
import type { CompressedModel, Method, PassContext, UnitReport } from '../method.ts';
import { flag, number } from '../options/fields.ts';
import { storedType } from '../slicegpt/store.ts';
import { trainRows, trainShape } from '../solvers/tensor_train.ts';

interface Options {
  readonly ratio: number;
  readonly tied: boolean;
}

const EMBEDDING = 'model.embed_tokens.weight';
const HEAD = 'lm_head.weight';

export const tensorTrain: Method<Options> = {
  name: 'tensor_train',
  about: {
    label: 'Tensor trains',
    paper: 'arXiv 2307.00526',
    group: 'factor',
    help: 'Each row of the table as a tensor train of its own (TensorGPT). It ruins trained tables: at half the numbers the perplexity of stories260k goes from 3.6 to 62, that of opt-tiny from 133 to 293, where embed:bits=8 halves the bytes and changes nothing. ONNX files hold the whole table.',
  },
  options: v.strictObject({
    ratio: number(
      { label: 'Ratio', help: 'How many times fewer numbers a row has.', unit: '×' },
      { min: 1, max: 64, value: 2 },
    ),
    tied: flag(
      {
        label: 'Head too',
        help: 'Embedding and head are changed alike, as one table where the model ties them; else only the embedding, and the head stays a table of its own.',
      },
      true,
    ),
  }),
  refusal(model, { ratio }) {
    const [, d] = model.embed_tokens.weight.shape;
    if (trainShape(d, ratio)) return undefined;
    return `rows of ${d} numbers have no tensor train of ${Math.floor(d / ratio)}: use a smaller ratio`;
  },
  plan: (model, options) =>
    withTables(model, options, (table, name) => packedOutline(name, table, packingOf(model, table, options))),
  run: packTables,
};

function packingOf(model: ModelOutline, { shape }: WeightOutline, { ratio }: Options): TensorTrain | undefined {
  const train = trainShape(shape[1], ratio);
  return train && { kind: 'tensor_train', ...train, floats: storedType(model) === 'F32' ? 'F32' : 'F16' };
}

/** Each table asked for once; a head that stays is the model's own. */
function withTables<W>(
  model: DecoderModel<W>,
  { tied }: Options,
  change: (table: W, name: string) => W,
): DecoderModel<W> {
  const { embed_tokens, lm_head } = model;
  const isOne = embed_tokens.weight === lm_head.weight;
  const table = change(embed_tokens.weight, EMBEDDING);
  const head = !tied ? lm_head.weight : isOne ? table : change(lm_head.weight, HEAD);
  return { ...model, embed_tokens: { ...embed_tokens, weight: table }, lm_head: { ...lm_head, weight: head } };
}

async function packTables(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  const units: UnitReport[] = [];
  const wanted = new Map<WeightRef, string>();
  withTables(model, options, (table, name) => {
    wanted.set(table, name);
    return table;
  });
  const stored = new Map<WeightRef, WeightRef>();
  for (const [table, name] of wanted) {
    const fraction = stored.size / wanted.size;
    const layers = model.layers.length;
    context.observer.onProgress({ fraction, layer: 0, layers, step: 'embedding and head', tokens: 0 });
    const packing = packingOf(model, table, options) as TensorTrain;
    const [rows, columns] = table.shape;
    const numbers = decodeStored(await table.read(), table.dtype);
    const cores = await trainRows(numbers, rows, columns, packing, context.signal);
    const values: TensorTrainValues = { packing, rows, columns, cores };
    const weight = await storePacked(context.scratch, name, values);
    stored.set(table, weight);
    const figure = unitError(numbers, dense(values), rows, columns, {});
    units.push({ unit: name.replace(/\.weight$/, ''), ...figure, bytes: packedWeightBytes(weight) });
  }
  const made = withTables(model, options, (table) => stored.get(table) ?? table);
  return { model: made, sites: [], units };
}
