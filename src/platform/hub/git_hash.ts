/** @file The name that git gives to a file's content: SHA-1 of `blob SIZE`, a zero byte, and the content. */

/** Reads the file whole: only for the small files that lie in git itself, whose size the listing has bounded. */
export async function gitBlobSha1(handle: FileSystemSyncAccessHandle, bytes: number): Promise<string> {
  const header = new TextEncoder().encode(`blob ${bytes}\0`);
  const whole = new Uint8Array(header.byteLength + bytes);
  whole.set(header);
  for (let done = 0; done < bytes; ) {
    const count = handle.read(whole.subarray(header.byteLength + done), { at: done });
    if (count === 0) break;
    done += count;
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', whole));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
