/** @file Dynamic NTK scaling, which a canonical model does not keep: it begins where no window of Whittle's reaches. */
import type { RawConfig } from '../formats/hf/config.ts';

/** A sentence for people where the config asks for it; undefined elsewhere. @param context max_position_embeddings. */
export function dynamicRope(raw: RawConfig, context: number): string | undefined {
  const asks = [raw.rope_scaling, raw.rope_parameters].some((value) => {
    const { rope_type, type } = (value ?? {}) as RawConfig;
    return (rope_type ?? type) === 'dynamic';
  });
  if (!asks) return undefined;
  return `Beyond ${context} tokens the model's config asks for dynamic NTK scaling of the rotary embedding.`;
}
