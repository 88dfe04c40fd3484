import { Suspense, useEffect, useState } from 'react';
import { toErrorData } from '../../errors/errors.ts';
import { lazyPart } from '../components/lazy_part.tsx';
import { changeHub } from '../store/store.ts';
import { useStudio, useStudioState } from '../studio.ts';

const HubForm = lazyPart(() => import('./HubForm.tsx'));
const HubCacheList = lazyPart(() => import('./HubCacheList.tsx'));

/** Models by name, folded away until someone looks; what is on this device opens without a network. */
export function HubPanel() {
  const { store, engine } = useStudio();
  const cache = useStudioState((state) => state.hub.cache);
  const [wasOpened, setOpened] = useState(false);
  useEffect(() => {
    engine.run('hub_cache', {}).then(
      (found) => changeHub(store, { cache: found }),
      (thrown) => changeHub(store, { failure: { title: 'Downloaded models: failed', error: toErrorData(thrown) } }),
    );
  }, [store, engine]);
  return (
    <>
      <details className="fold" onToggle={() => setOpened(true)}>
        <summary>From the Hugging Face Hub</summary>
        <div className="fold-body">
          {wasOpened && (
            <Suspense fallback={null}>
              <HubForm />
            </Suspense>
          )}
        </div>
      </details>
      {cache && cache.entries.length > 0 && (
        <Suspense fallback={null}>
          <HubCacheList cache={cache} />
        </Suspense>
      )}
    </>
  );
}
