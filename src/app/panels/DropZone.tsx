import { useEffect, useState } from 'react';
import { filesFromDrop } from '../../platform/dropped_files.ts';
import { openFiles } from '../actions/open_model.ts';
import { useStudio } from '../studio.ts';

/** The whole page takes a drop, and what is pasted; the veil only says so. */
export function DropZone() {
  const studio = useStudio();
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => !event.relatedTarget && setOver(false);
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      void openFiles(studio, filesFromDrop(event.dataTransfer!));
    };
    addEventListener('dragover', over);
    addEventListener('dragleave', leave);
    const paste = (event: ClipboardEvent) => {
      const { clipboardData, target } = event;
      const isTyping = target instanceof HTMLElement && target.matches('input, textarea');
      if (!clipboardData || isTyping) return;
      if (clipboardData.files.length > 0) void openFiles(studio, filesFromDrop(clipboardData));
      else {
        const text = clipboardData.getData('text/plain');
        if (text) void import('../actions/texts.ts').then(({ offerPasted }) => offerPasted(studio, text));
      }
    };
    addEventListener('drop', drop);
    addEventListener('paste', paste);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
      removeEventListener('paste', paste);
    };
  }, [studio]);
  return isOver ? (
    <div className="drop-veil" aria-hidden="true">
      <p>Drop a model (a folder, its files together, one .gguf), or a text to calibrate on</p>
    </div>
  ) : null;
}
