/**
 * @file `npm run slice` and `npm run demo`. Chromium starts first: it takes as long as reading the rest of this program, and
 * another processor.
 */
import { startChromium } from './chromium.ts';
import { cancelOnSignal } from './signals.ts';

const argv = process.argv.slice(2);
const signals = cancelOnSignal(process, (text) => process.stderr.write(text));
// A mistyped option is told first, and the browser closed again.
const chromium = argv.includes('--model') && !argv.includes('--help') ? startChromium() : undefined;
const { command } = await import('./command.ts');
process.exitCode = await command(argv, signals, chromium);
await chromium?.close();
signals.stop();
