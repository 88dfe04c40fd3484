/** @file Every family that Whittle reads. */
import type { Architecture } from '../architecture.ts';
import { apertus } from './apertus.ts';
import { arcee } from './arcee.ts';
import { bloom } from './bloom.ts';
import { cohere } from './cohere.ts';
import { cwm } from './cwm.ts';
import { ernie4_5 } from './ernie4_5.ts';
import { exaone } from './exaone.ts';
import { falcon } from './falcon.ts';
import { gemma } from './gemma.ts';
import { gemma2 } from './gemma2.ts';
import { gemma3 } from './gemma3.ts';
import { glm, glm4 } from './glm.ts';
import { gptNeox } from './gpt_neox.ts';
import { gpt2 } from './gpt2.ts';
import { gptj } from './gptj.ts';
import { granite } from './granite.ts';
import { helium } from './helium.ts';
import { internlm3 } from './internlm3.ts';
import { iquestcoder } from './iquestcoder.ts';
import { llama } from './llama.ts';
import { ministral } from './ministral.ts';
import { ministral3 } from './ministral3.ts';
import { mistral } from './mistral.ts';
import { nemotron } from './nemotron.ts';
import { olmo } from './olmo.ts';
import { olmo2 } from './olmo2.ts';
import { opt } from './opt.ts';
import { phi } from './phi.ts';
import { phi3 } from './phi3.ts';
import { qwen2, qwen3 } from './qwen.ts';
import { seedOss } from './seed_oss.ts';
import { smollm3 } from './smollm3.ts';
import { stablelm } from './stablelm.ts';
import { starcoder2 } from './starcoder2.ts';

export const ARCHITECTURES: readonly Architecture[] = [
  llama,
  mistral,
  qwen2,
  qwen3,
  smollm3,
  phi3,
  gemma,
  gemma2,
  gemma3,
  olmo2,
  granite,
  bloom,
  falcon,
  gpt2,
  gptNeox,
  gptj,
  opt,
  phi,
  stablelm,
  apertus,
  arcee,
  cohere,
  cwm,
  ernie4_5,
  exaone,
  glm,
  glm4,
  helium,
  internlm3,
  iquestcoder,
  ministral,
  ministral3,
  nemotron,
  olmo,
  seedOss,
  starcoder2,
];
