/**
 * @file `npm run slice` and `npm run demo`, from the bundle that `scripts/build.mjs` makes of this program, because reading its
 * sources takes a second; `npx tsx src/cli/main.ts` runs these.
 */
import { cancelOnSignal } from './signals.ts';

const signals = cancelOnSignal(process, (text) => process.stderr.write(text));
// Of all that is read from here on: stacks name the sources.
process.setSourceMapsEnabled(true);
const { command } = await import('./command.ts');
process.exitCode = await command(process.argv.slice(2), signals);
signals.stop();
