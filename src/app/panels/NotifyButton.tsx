import { useStudio, useStudioState } from '../studio.ts';

/** Asks the browser for permission because it was pressed, and never by itself. */
export default function NotifyButton() {
  const studio = useStudio();
  const isOn = useStudioState((state) => state.notify);
  if (typeof Notification === 'undefined' || (Notification.permission === 'denied' && !isOn)) return null;
  async function toggle() {
    const isWanted = !isOn && (await Notification.requestPermission()) === 'granted';
    studio.store.setState({ notify: isWanted });
  }
  return (
    <button
      type="button"
      className="quiet notify"
      aria-pressed={isOn}
      title="A notification when this job is done and another tab or window is in front"
      onClick={() => void toggle().catch(() => undefined)}
    >
      Notify me
    </button>
  );
}
