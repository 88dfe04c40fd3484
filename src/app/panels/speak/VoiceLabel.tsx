import type { Speaker } from '../../store/voices.ts';

/** Who writes, in one line: where there is no room the name is cut, and what tells a file from its model stays. */
export function VoiceLabel({ label, end = '' }: Pick<Speaker, 'label' | 'end'>) {
  return (
    <span className="voice-label">
      <span>{label.slice(0, label.length - end.length)}</span>
      {end !== '' && <span>{end}</span>}
    </span>
  );
}
