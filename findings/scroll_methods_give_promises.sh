#!/usr/bin/env bash
# Chromium's scrollIntoView, scrollTo and scrollBy give a promise (they tell when they have scrolled), where TypeScript's types of the
# DOM still say `void`. An effect of React that is written as one expression, `useEffect(() => box.scrollIntoView(), [])`, so passes
# the type check and every look at the mounted page; once the component goes, React takes the promise for the effect's end, calls it,
# and the whole tree is torn down with "… is not a function". With braces around the call nothing happens. Prints versions, what each
# method gives and what both effects do. Exits 0 while it is so, 1 when it changes. Takes CHROMIUM, or `chromium` from the path.
set -euo pipefail
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . react@19.2.0 react-dom@19.2.0 esbuild@0.25.10 typescript@5.9.3 playwright-core@1.65.0 @types/react@19.2.2
cat > page.tsx <<'TSX'
import { type ReactNode, useEffect, useRef } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

function Expression() {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.scrollIntoView(), []);
  return <div ref={box} />;
}

function Braces() {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.scrollIntoView();
  }, []);
  return <div ref={box} />;
}

/** What is left of the page once one part of it has gone. */
function left(Part: () => ReactNode): Promise<string> {
  const element = document.createElement('main');
  document.body.append(element);
  const root = createRoot(element);
  flushSync(() => root.render(<><p>the rest</p><Part /></>));
  // Effects are begun and ended a moment after what is drawn.
  return new Promise((resolve) => {
    setTimeout(() => root.render(<><p>the rest</p></>), 100);
    setTimeout(() => resolve(element.textContent || 'nothing'), 300);
  });
}
Object.assign(globalThis, {
  results: async () => ({ expression: await left(Expression), braces: await left(Braces) }),
  gives: () => Object.fromEntries(
    (['scrollIntoView', 'scrollTo', 'scrollBy'] as const).map((name) => [name, String((document.body[name] as () => unknown)())]),
  ),
});
TSX
echo '{"compilerOptions":{"strict":true,"noEmit":true,"jsx":"react-jsx","lib":["ES2022","DOM"],"module":"esnext","moduleResolution":"bundler","skipLibCheck":true,"types":[]},"files":["check.tsx"]}' > tsconfig.json
# Types of react-dom are not needed for the question: does the one expression pass?
cat > check.tsx <<'TSX'
import { useEffect, useRef } from 'react';
export function Expression() {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.scrollIntoView(), []);
  return <div ref={box} />;
}
TSX
types=passes; npx tsc -p . || types=fails
npx esbuild page.tsx --bundle --jsx=automatic --define:process.env.NODE_ENV='"production"' --outfile=page.js --log-level=error
cat > run.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
const [, , executablePath, types] = process.argv;
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const page = await browser.newPage();
const errors = [];
page.on('pageerror', ({ message }) => errors.push(message));
await page.setContent('<body></body>');
await page.addScriptTag({ content: readFileSync('page.js', 'utf8') });
const gives = await page.evaluate(() => gives());
const left = await page.evaluate(() => results());
console.log(`Chromium ${browser.version()}, React 19.2.0, TypeScript 5.9.3`);
console.log('gives:', gives);
console.log(`types of the expression: tsc ${types}`);
console.log('left of the page once the part has gone:', left);
console.log('uncaught:', errors);
await browser.close();
const isSo = gives.scrollIntoView === '[object Promise]' && types === 'passes' && left.expression === 'nothing' && left.braces === 'the rest';
process.exit(isSo ? 0 : 1);
JS
node run.mjs "$chromium" "$types"
