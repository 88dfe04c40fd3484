import { Suspense } from 'react';
import { lazyPart } from '../components/lazy_part.tsx';
import { useStudioState } from '../studio.ts';

const SessionList = lazyPart(() => import('./SessionList.tsx'));

/** The stage before a model is open: what will happen here, in the order in which it does. */
export function Welcome() {
  const hasSessions = useStudioState(({ sessions: { list, waiting } }) => waiting !== null || (list?.length ?? 0) > 0);
  return (
    <section className="welcome" aria-label="How it works">
      <ol>
        {STEPS.map(({ title, text }) => (
          <li key={title}>
            <h2>{title}</h2>
            <p className="muted">{text}</p>
          </li>
        ))}
      </ol>
      {hasSessions && (
        <Suspense fallback={null}>
          <SessionList />
        </Suspense>
      )}
    </section>
  );
}

const STEPS = [
  {
    title: 'Drop a model',
    text: 'Or try the built-in one, or take SmolLM2-135M from the Hub. It is measured on this device; nothing is uploaded.',
  },
  {
    title: 'Name a size, or write a recipe',
    text: 'The best model of that size is looked for by what each matrix costs. Or choose the methods yourself: quantising, pruning, low rank, slicing, one after another.',
  },
  {
    title: 'Take the model home',
    text: 'Each one you make becomes a point, quality against size. Files are offered once they were run again and gave the same perplexity.',
  },
];
