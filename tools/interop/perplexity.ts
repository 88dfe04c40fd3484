/**
 * @file Perplexity of models as Whittle opens them, and what it says of them, for files that other tools wrote. usage:
 *
 *     npx tsx tools/interop/perplexity.ts TEXT SEQLEN WINDOWS FOLDER…
 *
 * Beside `expected.json` in a FOLDER ({ "perplexity": … }, what the other tool gives) the relative difference stands too.
 */
import { existsSync, openAsBlob, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createWasmBackend } from '../../src/backend/wasm/wasm_backend.ts';
import { modelFiles } from '../../src/cli/inputs.ts';
import { WhittleError } from '../../src/errors/errors.ts';
import { openModel } from '../../src/models/open_model.ts';
import { evaluate, summarize } from '../../src/runtime/perplexity.ts';
import { cutWindows } from '../../src/runtime/windows.ts';

const [text, seqlen, windows, ...folders] = process.argv.slice(2);
if (folders.length === 0) throw new Error('usage: npx tsx tools/interop/perplexity.ts TEXT SEQLEN WINDOWS FOLDER…');
const content = readFileSync(text, 'utf8');
const backend = createWasmBackend();

for (const folder of folders) {
  try {
    const files = modelFiles(folder) ?? [];
    const opened = await openModel(
      await Promise.all(files.map(async ({ name, path }) => ({ path: name, blob: await openAsBlob(path) }))),
    );
    const cut = cutWindows(opened.tokenizer.encode(content), Number(seqlen), Number(windows), 'text');
    const { windows: found } = await evaluate(backend, opened.model, cut);
    const { perplexity } = summarize(found.map(({ loss }) => loss));
    const { weight } = opened.model.layers[0].mlp.down_proj;
    console.info(folder, perplexity.toFixed(6), compared(folder, perplexity), weight.stored?.dtype ?? weight.dtype);
    for (const warning of opened.warnings) console.info(`  ${warning}`);
  } catch (error) {
    if (!(error instanceof WhittleError)) throw error;
    console.info(folder, error.code, error.message);
  }
}
backend.dispose();

function compared(folder: string, perplexity: number): string {
  const path = join(folder, 'expected.json');
  if (!existsSync(path)) return '';
  const expected: { perplexity: number } = JSON.parse(readFileSync(path, 'utf8'));
  return `(${(perplexity / expected.perplexity - 1).toExponential(1)})`;
}
