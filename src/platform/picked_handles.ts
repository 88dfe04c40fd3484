/**
 * @file How files that a person dropped are found again after a reload: by handles of the file system, which Chromium gives for
 * drops and IndexedDB can keep. Other browsers give none; then the files are asked for.
 */

export interface PickedHandle {
  /** What was dropped. */
  readonly root: FileSystemHandle;
  /** Below it; empty for a file that came alone. */
  readonly path: readonly string[];
}

interface Permission {
  queryPermission?(descriptor: { mode: 'read' }): Promise<PermissionState>;
  requestPermission?(descriptor: { mode: 'read' }): Promise<PermissionState>;
}

const handles = new WeakMap<File, PickedHandle>();

export function setHandle(file: File, handle: PickedHandle): void {
  handles.set(file, handle);
}

export function handleOf(file: File): PickedHandle | undefined {
  return handles.get(file);
}

/** Asks the person where the browser wants that: call it from a click. @returns Whether the file may be read. */
export async function mayRead({ root }: PickedHandle): Promise<boolean> {
  const { queryPermission, requestPermission } = root as Permission;
  const granted = await queryPermission?.call(root, { mode: 'read' });
  if (granted === undefined || granted === 'granted') return true;
  return (await requestPermission?.call(root, { mode: 'read' })) === 'granted';
}

/** @returns Null where it was moved, renamed or deleted. */
export async function fileOf(handle: PickedHandle): Promise<File | null> {
  try {
    let at = handle.root;
    for (const [index, name] of handle.path.entries()) {
      const folder = at as FileSystemDirectoryHandle;
      const isLast = index === handle.path.length - 1;
      at = isLast ? await folder.getFileHandle(name) : await folder.getDirectoryHandle(name);
    }
    const file = await (at as FileSystemFileHandle).getFile();
    setHandle(file, handle);
    return file;
  } catch {
    return null;
  }
}
