/** @file Every method, one row each: command line, recipes, forms, help, reports and labels come from here. */
import { WhittleError } from '../errors/errors.ts';
import { awq } from './awq/awq.ts';
import { correct } from './correct/correct.ts';
import { depth } from './depth/depth.ts';
import { distil } from './distil/distil.ts';
import { embed } from './embed/embed.ts';
import { gguf } from './gguf/gguf.ts';
import { gkd } from './gkd/gkd.ts';
import { gptq } from './gptq/gptq.ts';
import { gum } from './gum/gum.ts';
import { heal } from './heal/heal.ts';
import { llmInt8 } from './llm_int8/llm_int8.ts';
import { llmPruner } from './llm_pruner/llm_pruner.ts';
import { llmQat } from './llm_qat/llm_qat.ts';
import { loraprune } from './loraprune/loraprune.ts';
import { lorc } from './lorc/lorc.ts';
import { magnitude } from './magnitude/magnitude.ts';
import type { AnyMethod } from './method.ts';
import { minillm } from './minillm/minillm.ts';
import { owq } from './owq/owq.ts';
import { peqa } from './peqa/peqa.ts';
import { qlora } from './qlora/qlora.ts';
import { recover } from './recover/recover.ts';
import { rft } from './rft/rft.ts';
import { rptq } from './rptq/rptq.ts';
import { rtn } from './rtn/rtn.ts';
import { slicegptMethod } from './slicegpt/method.ts';
import { sparsegpt } from './sparsegpt/sparsegpt.ts';
import { svd } from './svd/svd.ts';
import { tensorTrain } from './tensor_train/tensor_train.ts';
import { tfLlmd } from './tf_llmd/tf_llmd.ts';
import { w8a8 } from './w8a8/w8a8.ts';
import { wanda } from './wanda/wanda.ts';
import { width } from './width/width.ts';
import { zeroquant } from './zeroquant/zeroquant.ts';

/** In the order in which menus show them. */
export const METHODS: readonly AnyMethod[] = [
  slicegptMethod,
  recover,
  magnitude,
  wanda,
  sparsegpt,
  width,
  llmPruner,
  loraprune,
  gum,
  depth,
  rtn,
  gptq,
  awq,
  owq,
  lorc,
  w8a8,
  llmInt8,
  zeroquant,
  rptq,
  svd,
  gguf,
  tensorTrain,
  embed,
  correct,
  heal,
  rft,
  distil,
  tfLlmd,
  gkd,
  minillm,
  peqa,
  qlora,
  llmQat,
];

export function findMethod(name: string): AnyMethod | undefined {
  return METHODS.find((method) => method.name === name);
}

/** Of a step that was checked. */
export function requireMethod(name: string): AnyMethod {
  const method = findMethod(name);
  if (method) return method;
  throw new WhittleError({
    code: 'bad_option',
    message: `There is no method "${name}".`,
    place: { field: 'recipe' },
    allowed: METHODS.map((each) => each.name).join(', '),
    action: '--methods lists all with what they do.',
  });
}
