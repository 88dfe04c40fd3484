import { Suspense, useState } from 'react';
import { lazyPart } from '../components/lazy_part.tsx';
import { Section } from '../components/Section.tsx';
import { CAPABILITIES_ID } from './open_capabilities.ts';

/** Read once someone looks. */
const Capabilities = lazyPart(() => import('./Capabilities.tsx'));

/** What this device and browser can do, folded away. */
export function DevicePanel() {
  const [wasOpened, setOpened] = useState(false);
  return (
    <Section title="This device">
      <details className="fold" id={CAPABILITIES_ID} onToggle={() => setOpened(true)}>
        <summary>What it can do</summary>
        <div className="fold-body">
          {wasOpened && (
            <Suspense fallback={<p className="muted">Looking</p>}>
              <Capabilities />
            </Suspense>
          )}
        </div>
      </details>
    </Section>
  );
}
