import { useStore } from 'zustand';
import { useStudio } from '../../studio.ts';
import { recorderOf } from './recorder.ts';

/** Off unless the person wants it: recording takes memory and a little of each kernel's time. */
export default function RecordSwitch() {
  const recorder = recorderOf(useStudio());
  const isOn = useStore(recorder.store, (state) => state.isOn);
  return (
    <>
      <label className="tool-check">
        <input type="checkbox" checked={isOn} onChange={(event) => recorder.turn(event.target.checked)} />
        Record a timeline
      </label>
      <p className="muted">
        What each stage, thread and kernel of a job did when, drawn under the charts, with sums and a trace to save. It
        takes some megabytes while it is on, and nothing while it is off.
      </p>
    </>
  );
}
