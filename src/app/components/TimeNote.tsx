import { formatSpan } from '../format.ts';

/** Under a button that begins work: how long it will take here. Its line is there before the time is known. */
export function TimeNote({ seconds, more }: { seconds: number | null; more?: string }) {
  return (
    <p className="field-note muted time-note">
      {seconds === null ? '\u00a0' : `About ${formatSpan(seconds)} here${more ?? ''}`}
    </p>
  );
}
