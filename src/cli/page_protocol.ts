/** @file What crosses between the headless command and its page. Files are chosen in the page's inputs, never sent. */
import type { CommandKind, Commands, EngineEvent, HubKey, TextSettings, TextSource } from '../engine/protocol.ts';
import type { ErrorData } from '../errors/errors.ts';

/** `chosen`: what the page's file input holds. */
export type InputSource = { kind: 'demo' } | { kind: 'chosen' };

/** `demo`: a built-in text, of this kind. */
export type TextInput = Extract<TextSource, { kind: 'demo' }> | { kind: 'chosen' };

/** A model that the same page has downloaded. */
export type DownloadedSource = { kind: 'hub'; key: HubKey };

interface FileRequests {
  /** A page sees no folders behind its files: the command says the path of each, in the order they were chosen. */
  open: { source: InputSource | DownloadedSource; paths: string[] };
  set_texts: Omit<TextSettings, 'calibration' | 'evaluation'> & { calibration: TextInput; evaluation: TextInput };
  set_tasks: { source: InputSource; limit?: number };
  set_examples: { source: InputSource };
  set_imatrix: { source: InputSource };
}

/** As the engine's request, with {@link InputSource} where that has files. */
export type PageRequest<K extends CommandKind> = K extends keyof FileRequests
  ? FileRequests[K]
  : Commands[K]['request'];

export type PageAnswer<K extends CommandKind> =
  | { ok: true; result: Commands[K]['result'] }
  | { ok: false; error: ErrorData };

export interface HeadlessPage {
  /** Runs one engine command; never rejects. */
  run<K extends CommandKind>(kind: K, request: PageRequest<K>): Promise<PageAnswer<K>>;
  /** Cancels the running command and refuses every later one. */
  cancel(): void;
  /** Downloads a file of an export. */
  download(folder: string, name: string): Promise<void>;
}

declare global {
  interface Window {
    whittle: HeadlessPage;
    /** Bound by the command: receives the events of the running command. */
    whittleEvent?(event: EngineEvent): void;
  }
}
