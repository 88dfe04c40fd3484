import { Suspense, useState } from 'react';
import { startBackend } from '../actions/open_model.ts';
import { lazyPart } from '../components/lazy_part.tsx';
import { Section } from '../components/Section.tsx';
import { useStudio } from '../studio.ts';
import { FailureNote } from './FailureNote.tsx';
import { CAPABILITIES_ID } from './open_capabilities.ts';

/** Read once someone looks. */
const Capabilities = lazyPart(() => import('./Capabilities.tsx'));
const RecordSwitch = lazyPart(() => import('../charts/timeline/RecordSwitch.tsx'));

/** What this device and browser can do, and what they do: folded away. */
export function DevicePanel() {
  const studio = useStudio();
  return (
    <Section title="This device">
      <FailureNote place="device" again={() => void startBackend(studio)} />
      <LazyFold id={CAPABILITIES_ID} title="What it can do" Part={Capabilities} />
      <LazyFold id="timing" title="How it spends its time" Part={RecordSwitch} />
    </Section>
  );
}

function LazyFold({ id, title, Part }: { id: string; title: string; Part: typeof Capabilities }) {
  const [wasOpened, setOpened] = useState(false);
  return (
    <details className="fold" id={id} onToggle={() => setOpened(true)}>
      <summary>{title}</summary>
      <div className="fold-body">
        {wasOpened && (
          <Suspense fallback={<p className="muted">Looking</p>}>
            <Part />
          </Suspense>
        )}
      </div>
    </details>
  );
}
