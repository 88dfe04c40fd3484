#!/usr/bin/env bash
# Panels side by side that scroll by themselves are often items of a grid that has a height of its own and a row of the default size,
# `auto`. In Chromium each change of the layout within such a panel, a word that is replaced, then paints the panel anew as far as it
# can be seen: to size the row, the panel is laid out once as tall as its content, where it has nothing to scroll, and once in its
# place, where it has, and its background goes with that. DevTools' paint flashing shows it; no warning and no document does. The row
# `minmax(0, 1fr)` looks the same and is sized without a look at the content: only the word is painted. Where a processor paints, as
# in virtual machines and remote desktops, this is the difference between 30 and 60 frames a second.
# Prints the version, and for each row the tiles that were painted for 60 changes of one word. Exits 0 while it is so, 1 when it changes.
# Takes CHROMIUM, or `chromium` from the path.
set -euo pipefail
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . playwright-core@1.65.0
cat > run.mjs <<'JS'
import { chromium } from 'playwright-core';
const browser = await chromium.launch({ executablePath: process.argv[2], args: ['--no-sandbox', '--disable-gpu'] });
const cdp = await browser.newBrowserCDPSession();
const lines = Array.from({ length: 200 }, (_, i) => `<p>line ${i}</p>`).join('');

async function tiles(row) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  await page.setContent(`<style>
    body { margin: 0 }
    main { display: grid; height: 800px; grid-template-columns: 600px 600px; grid-template-rows: ${row} }
    section { overflow-y: auto; min-height: 0; background: #eee }
  </style><main><section><b id="word">0</b>${lines}</section><section>${lines}</section></main>`);
  await page.waitForTimeout(1000);
  let count = 0;
  const heard = ({ value }) => {
    count += value.filter(({ name, ph }) => name === 'RasterTask' && (ph === 'X' || ph === 'B')).length;
  };
  cdp.on('Tracing.dataCollected', heard);
  await cdp.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'cc'] },
  });
  await page.evaluate(async () => {
    for (let at = 1; at <= 60; at++) {
      document.getElementById('word').textContent = at;
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    }
  });
  await page.waitForTimeout(500);
  const over = new Promise((resolve) => cdp.once('Tracing.tracingComplete', resolve));
  await cdp.send('Tracing.end');
  await over;
  cdp.off('Tracing.dataCollected', heard);
  await page.close();
  return count;
}

const painted = { auto: await tiles('auto'), 'minmax(0, 1fr)': await tiles('minmax(0, 1fr)') };
console.log(`Chromium ${browser.version()}: tiles painted for 60 changes of one word, by the grid's row`);
console.log(painted);
await browser.close();
process.exit(painted.auto > 3 * painted['minmax(0, 1fr)'] ? 0 : 1);
JS
node run.mjs "$chromium"
