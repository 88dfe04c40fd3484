import type { Speaker } from '../../store/voices.ts';

/** Who writes: where there is no room the name is cut at its end; what tells a file from its model has a line of its own. */
export function VoiceLabel({ label, end = '' }: Pick<Speaker, 'label' | 'end'>) {
  return (
    <span className="voice-label">
      <span>{label.slice(0, label.length - end.length)}</span>
      {end !== '' && <span className="muted">{end.replace(/^, /, '')}</span>}
    </span>
  );
}
