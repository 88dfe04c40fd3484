/** @file What a person must know before they run an exported file elsewhere; each note is a sentence or two of plain text. */

/**
 * @param config The source's config.json. transformers computes rotary frequencies of type `dynamic` anew for texts longer
 * than the model's positions (modeling_rope_utils.py); a graph holds one list of them, that of shorter texts.
 */
export function graphNotes(config: Readonly<Record<string, unknown>>): string[] {
  const text = (config.text_config ?? {}) as Record<string, unknown>;
  const ropes = [config, text].flatMap(({ rope_scaling, rope_parameters }) => [rope_scaling, rope_parameters]);
  const isDynamic = ropes.some((rope) => {
    const { rope_type, type } = (rope ?? {}) as Record<string, unknown>;
    return (rope_type ?? type) === 'dynamic';
  });
  if (!isDynamic) return [];
  const positions = config.max_position_embeddings ?? text.max_position_embeddings;
  return [
    `Use it for texts of at most ${positions ?? 'max_position_embeddings'} tokens: the rotary frequencies of longer ones (type "dynamic") depend on the length, and this file holds those of shorter texts.`,
  ];
}
