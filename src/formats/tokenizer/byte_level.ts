/** @file GPT-2's printable characters for bytes: what a byte-level vocabulary is written in. */

/** The character of each byte. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
})();

const CHARACTER_BYTES = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));
const ENCODER = new TextEncoder();

/** The bytes of a text in UTF-8 as printable characters, one for each byte. */
export function toByteCharacters(text: string): string {
  let result = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      result += BYTE_CHARACTERS[unit]!;
      continue;
    }
    for (const byte of ENCODER.encode(text.slice(i, i + (unit >= 0xd800 && unit < 0xdc00 ? 2 : 1)))) {
      result += BYTE_CHARACTERS[byte]!;
    }
    if (unit >= 0xd800 && unit < 0xdc00) i++;
  }
  return result;
}

/** The bytes that a token stands for; a token with a foreign character stands for its own UTF-8. */
export function bytesOfToken(token: string): ArrayLike<number> {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = CHARACTER_BYTES.get(character);
    if (byte === undefined) return ENCODER.encode(token);
    bytes.push(byte);
  }
  return bytes;
}
