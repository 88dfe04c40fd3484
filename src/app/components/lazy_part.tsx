/** @file Components that are fetched when they are first drawn. One that cannot be fetched leaves the rest of the page alone. */
import { type ComponentType, type LazyExoticComponent, lazy } from 'react';

/** @param isAside Nobody misses it: nothing stands in its place. */
export function lazyPart<Props>(
  load: () => Promise<{ default: ComponentType<Props> }>,
  { isAside = false } = {},
): LazyExoticComponent<ComponentType<Props>> {
  const absent = { default: isAside ? Nothing : Missing } as { default: ComponentType<Props> };
  // A connection that fails once is asked once more.
  return lazy(() => load().catch(() => load().catch(() => absent)));
}

function Nothing() {
  return null;
}

function Missing() {
  return (
    <p className="notice" role="status">
      A part of the page could not be fetched. What was done stays: connect, then reload the page.
    </p>
  );
}
