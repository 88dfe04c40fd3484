/** @file External data of an ONNX model: the files that hold it, and that every tensor lies inside one. */
import { WhittleError } from '../../errors/errors.ts';
import { quoteText } from '../json.ts';
import { recogniseForeign, SIGNATURE_BYTES } from '../recognise.ts';
import type { ByteSource } from '../source.ts';
import type { OnnxGraph } from './read_model.ts';
import type { StoredTensor } from './read_tensor.ts';

/** Below it, a file may be the text that stands in the place of one. */
const SMALL_FILE_BYTES = 65_536;
const TEXT = /^\s*(version https:\/\/git-lfs|<(!doctype|html))/i;

export interface ExternalData {
  /** File name → file, of every one that the model names. */
  sources: Map<string, ByteSource>;
  warnings: string[];
}

/**
 * Throws `missing_shard` (a file that was not given), `truncated_file` (a tensor past the end) and `not_a_model` (a short text
 * in place of the data: a Git LFS pointer, a web page).
 */
export async function locateExternal(
  model: ByteSource,
  graph: OnnxGraph,
  find: (name: string) => ByteSource | undefined,
): Promise<ExternalData> {
  const sources = new Map<string, ByteSource>();
  const missing = new Map<string, StoredTensor>();
  const ranges = new Map<string, { tensor: StoredTensor; start: number; end: number }[]>();
  for (const tensor of storedTensors(graph)) {
    if (tensor.location.kind !== 'external') continue;
    const { file, offset } = tensor.location;
    const source = find(file);
    if (!source) {
      if (!missing.has(file)) missing.set(file, tensor);
      continue;
    }
    if (!sources.has(file) && source.size < SMALL_FILE_BYTES) await refuseText(source);
    sources.set(file, source);
    const end = offset + tensor.bytes;
    if (end > source.size) throw (await otherText(source)) ?? outside(source, tensor, offset, end);
    const known = ranges.get(file) ?? [];
    ranges.set(file, known);
    known.push({ tensor, start: offset, end });
  }
  if (missing.size > 0) throw missingFiles(model, missing);
  const warnings: string[] = [];
  for (const [file, list] of ranges) {
    list.sort((a, b) => a.start - b.start || a.end - b.end);
    // Two names for the same bytes are how a tied weight may be stored; a part of another's is odd.
    const overlap = list.findIndex(
      ({ start, end }, i) =>
        i > 0 && start < list[i - 1].end && !(start === list[i - 1].start && end === list[i - 1].end),
    );
    if (overlap > 0) {
      const [a, b] = [list[overlap - 1], list[overlap]].map(({ tensor }) => quoteText(tensor.name));
      warnings.push(`${a} and ${b} share some of their bytes in ${file}.`);
    }
  }
  return { sources, warnings };
}

/** Initialisers and constants, subgraphs included. */
function* storedTensors(graph: OnnxGraph): Iterable<StoredTensor> {
  yield* graph.initializers.values();
  for (const { tensor, subgraphs } of graph.nodes) {
    if (tensor) yield tensor;
    for (const subgraph of subgraphs) yield* storedTensors(subgraph);
  }
}

/** Weights that fit into so little could begin like an archive, but not like a pointer's or a page's text. */
async function refuseText(source: ByteSource): Promise<void> {
  const head = await source.read(0, Math.min(source.size, SIGNATURE_BYTES));
  if (!TEXT.test(new TextDecoder('latin1').decode(head))) return;
  const found = await otherText(source);
  if (found) throw found;
}

/** Of a pointer, an error message, a web page. */
const LARGEST_TEXT = 2 ** 20;

/** Looked at only where the data do not fit: their first bytes may be anything. */
async function otherText(source: ByteSource): Promise<WhittleError | undefined> {
  if (source.size > LARGEST_TEXT) return undefined;
  const head = await source.read(0, Math.min(source.size, SIGNATURE_BYTES));
  return recogniseForeign(source.name, head, 'the external data of the ONNX model');
}

function outside(source: ByteSource, { name }: StoredTensor, offset: number, end: number): WhittleError {
  return new WhittleError({
    code: 'truncated_file',
    message: `${quoteText(name)}: bytes ${offset} to ${end} lie outside the external file, which has ${source.size}.`,
    place: { file: source.name, tensor: name },
    allowed: `a file of at least ${end} bytes`,
    action: 'The download may be incomplete, or the file belongs to another export: fetch both files again.',
  });
}

function missingFiles(model: ByteSource, missing: ReadonlyMap<string, StoredTensor>): WhittleError {
  const [[file, { name }]] = missing;
  const shown = [...missing.keys()].slice(0, 8).map(quoteText).join(', ');
  const more = missing.size > 8 ? ` and ${missing.size - 8} more` : '';
  return new WhittleError({
    code: 'missing_shard',
    message: `The weights of ${model.name} lie in ${shown}${more}, which ${missing.size > 1 ? 'are' : 'is'} not there.`,
    place: { file, tensor: name },
    allowed: 'external data beside the model, under the names that the model gives',
    action: 'Drop the data files together with the ONNX file, or open the whole folder.',
  });
}
