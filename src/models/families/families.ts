/** @file Every family that Whittle reads. */
import type { Architecture } from '../architecture.ts';
import { bloom } from './bloom.ts';
import { falcon } from './falcon.ts';
import { gemma } from './gemma.ts';
import { gemma2 } from './gemma2.ts';
import { gemma3 } from './gemma3.ts';
import { gptNeox } from './gpt_neox.ts';
import { gpt2 } from './gpt2.ts';
import { gptj } from './gptj.ts';
import { granite } from './granite.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { olmo2 } from './olmo2.ts';
import { opt } from './opt.ts';
import { phi } from './phi.ts';
import { phi3 } from './phi3.ts';
import { qwen2, qwen3 } from './qwen.ts';
import { smollm3 } from './smollm3.ts';
import { stablelm } from './stablelm.ts';

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
];
