import { useStudioState } from '../../studio.ts';
import '../../styles/speak.css';
import { MicroscopeCard } from './MicroscopeCard.tsx';
import { TryCard } from './TryCard.tsx';

/** What the models say, and what they think of a text. */
export default function Speak() {
  const model = useStudioState((state) => state.results.model);
  if (!model) return null;
  return (
    // Another model, other words.
    <div className="speak" key={model.name}>
      <TryCard />
      <MicroscopeCard />
    </div>
  );
}
