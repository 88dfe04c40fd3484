import { Suspense, useState } from 'react';
import { startBackend } from '../actions/open_model.ts';
import { lazyPart } from '../components/lazy_part.tsx';
import { Section } from '../components/Section.tsx';
import { useStudio } from '../studio.ts';
import { FailureNote } from './FailureNote.tsx';
import { CAPABILITIES_ID } from './open_capabilities.ts';

/** Read once someone looks. */
const Capabilities = lazyPart(() => import('./Capabilities.tsx'));

/** What this device and browser can do, folded away. */
export function DevicePanel() {
  const studio = useStudio();
  const [wasOpened, setOpened] = useState(false);
  return (
    <Section title="This device">
      <FailureNote place="device" again={() => void startBackend(studio)} />
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
