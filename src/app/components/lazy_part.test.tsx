import { Suspense } from 'react';
import { renderToReadableStream } from 'react-dom/server';
import { expect, it } from 'vitest';
import { lazyPart } from './lazy_part.tsx';

type Loaded = { default: () => React.JSX.Element };

async function drawn(load: () => Promise<Loaded>, isAside = false): Promise<string> {
  const Part = lazyPart(load, { isAside });
  const stream = await renderToReadableStream(
    <main>
      beside
      <Suspense>
        <Part />
      </Suspense>
    </main>,
  );
  await stream.allReady;
  return new Response(stream).text();
}

const failing = () => Promise.reject<Loaded>(new TypeError('Failed to fetch dynamically imported module'));

it('a part that cannot be fetched leaves the page, and says what to do', async () => {
  const html = await drawn(failing);
  expect(html).toContain('beside');
  expect(html).toContain('could not be fetched');
  expect(html).toContain('reload the page');
  const aside = await drawn(failing, true);
  expect(aside).toContain('beside');
  expect(aside).not.toContain('could not');
});

it('a connection that fails once is asked once more', async () => {
  let asked = 0;
  const html = await drawn(() => (asked++ === 0 ? failing() : Promise.resolve({ default: () => <b>there</b> })));
  expect(html).toContain('there');
  expect(asked).toBe(2);
});
