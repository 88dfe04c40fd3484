/** @file Files that say under which terms a model may be used: they go beside every export, and never change a model. */
import type { ByteSource } from '../source.ts';

const NAME = /^(licen[sc]e|notice|use[_-]policy|copying|copyright)([._-][\w.-]*)?$/i;
/** Weights, code and archives that begin with such a word are something else. */
const OTHER = /\.(safetensors|gguf|onnx|bin|py|zip|json)$/i;

/** By the last part of its path. */
export function isLicenceFile(name: string): boolean {
  return NAME.test(name) && !OTHER.test(name);
}

/** The licence that a model card of the Hugging Face Hub names in its front matter. */
export interface CardLicence {
  readonly license?: string;
  readonly license_name?: string;
  readonly license_link?: string;
}

const MAX_CARD_BYTES = 262_144;

/** What README.md says; nothing where it is no model card. */
export async function cardLicence(card: ByteSource | undefined): Promise<CardLicence> {
  if (!card) return {};
  const bytes = await card.read(0, Math.min(card.size, MAX_CARD_BYTES));
  const front = /^---\r?\n([\s\S]*?)\r?\n---/.exec(new TextDecoder().decode(bytes))?.[1] ?? '';
  const value = (key: string) => {
    const found = new RegExp(`^${key}:[ \\t]*(['"]?)([^\\r\\n'"#]+?)\\1[ \\t]*$`, 'm').exec(front)?.[2];
    return found === undefined ? {} : { [key]: found };
  };
  return { ...value('license'), ...value('license_name'), ...value('license_link') };
}
