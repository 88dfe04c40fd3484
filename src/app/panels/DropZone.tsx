import { useEffect, useState } from 'react';
import { filesFromDrop } from '../../platform/dropped_files.ts';
import { openFiles } from '../actions/open_model.ts';
import { useStudio } from '../studio.ts';

/** The whole page takes a drop; the veil only says so. */
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
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, [studio]);
  return isOver ? (
    <div className="drop-veil" aria-hidden="true">
      <p>Drop the model: a folder, its files together, or one .gguf</p>
    </div>
  ) : null;
}
