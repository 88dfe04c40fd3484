/** @file Where the tensors of a GGUF file lie: inside the file, no byte used twice, none without an owner. */
import { WhittleError } from '../../errors/errors.ts';
import { quoteText } from '../json.ts';
import type { ByteSource } from '../source.ts';
import { badGguf } from './errors.ts';
import type { GgufTensor } from './header.ts';

/** Gaps up to the alignment are padding; a larger one, or one at the end, may hide another file. */
export function checkLayout(
  source: ByteSource,
  tensors: readonly GgufTensor[],
  data_offset: number,
  alignment: number,
): void {
  const sorted = tensors.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let cursor = data_offset;
  let previous = '';
  for (const { name, offset, bytes } of sorted) {
    if (offset + bytes > source.size) {
      throw new WhittleError({
        code: 'truncated_file',
        message: `Tensor ${quoteText(name)} ends at byte ${offset + bytes}, but the file ends at ${source.size}.`,
        place: { file: source.name, tensor: name },
        allowed: `a file of at least ${offset + bytes} bytes`,
        action: 'The download may be incomplete: fetch the file again.',
      });
    }
    if (bytes === 0) continue;
    if (offset < cursor) {
      throw badGguf(source.name, `Tensors ${quoteText(previous)} and ${quoteText(name)} share bytes.`, {
        tensor: name,
      });
    }
    if (offset - cursor >= alignment) {
      throw badGguf(
        source.name,
        `Bytes ${cursor} to ${offset} belong to no tensor (unclaimed, before ${quoteText(name)}).`,
        { tensor: name },
      );
    }
    cursor = offset + bytes;
    previous = name;
  }
  if (source.size - cursor >= alignment) {
    throw badGguf(
      source.name,
      `${source.size - cursor} unclaimed bytes follow the last tensor (is it two files in one?).`,
    );
  }
}
