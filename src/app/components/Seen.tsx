/** @file Parts of the page that are redrawn at once only while they can be seen; see `store/calm_view.ts`. */
import { createContext, type ReactNode, type RefCallback, useContext, useMemo } from 'react';
import { CalmView } from '../store/calm_view.ts';
import type { StudioState } from '../store/store.ts';
import { useStudio, ViewProvider } from '../studio.ts';

/** Drawn before it is scrolled to; the second name is for columns that scroll by themselves. */
const AHEAD = { rootMargin: '100px', scrollMargin: '100px' };

const BoxContext = createContext<RefCallback<HTMLElement> | undefined>(undefined);

/** What is within reads the store through a view that rests while the box that takes {@link useSeenBox} is out of sight. */
export function Seen({ children }: { children: ReactNode }) {
  const { store } = useStudio();
  const view = useMemo(() => new CalmView(store), [store]);
  const box = useMemo(() => watching(view), [view]);
  return (
    <BoxContext.Provider value={box}>
      <ViewProvider value={view}>{children}</ViewProvider>
    </BoxContext.Provider>
  );
}

/** The ref of the box whose place on the screen decides; undefined where nothing asks. */
export function useSeenBox(): RefCallback<HTMLElement> | undefined {
  return useContext(BoxContext);
}

function watching(view: CalmView<StudioState>): RefCallback<HTMLElement> {
  return (box) => {
    if (!box || typeof IntersectionObserver === 'undefined') return;
    let isInSight = true;
    const observer = new IntersectionObserver((entries) => {
      isInSight = entries.at(-1)?.isIntersecting ?? true;
      // Keys work on what is scrolled away: they begin where it really stands.
      view.see(isInSight || box.contains(document.activeElement));
    }, AHEAD);
    const enter = () => view.see(true);
    const leave = ({ relatedTarget }: FocusEvent) => view.see(isInSight || box.contains(relatedTarget as Node | null));
    observer.observe(box);
    box.addEventListener('focusin', enter);
    box.addEventListener('focusout', leave);
    return () => {
      observer.disconnect();
      box.removeEventListener('focusin', enter);
      box.removeEventListener('focusout', leave);
      view.see(true);
    };
  };
}

/** What is within follows changes once they pause, wherever it stands. */
export function Calm({ children }: { children: ReactNode }) {
  const { store } = useStudio();
  const view = useMemo(() => new CalmView(store, false), [store]);
  return <ViewProvider value={view}>{children}</ViewProvider>;
}
