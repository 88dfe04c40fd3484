/** @file Every family that Whittle reads. */
import type { Architecture } from '../architecture.ts';
import { llama } from './llama.ts';

export const ARCHITECTURES: readonly Architecture[] = [llama];
