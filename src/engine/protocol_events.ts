/** @file What the engine tells while a command runs, and the messages that cross. Part of `protocol.ts`, which has all of it. */
import type { SiteReport } from '../compress/method.ts';
import type { TrainingPoint } from '../compress/train/report.ts';
import type { ErrorData } from '../errors/errors.ts';
import type { ExportedChoice } from './generate/generate_command.ts';
import type { CommandKind, Commands } from './protocol.ts';
import type { MemoryReport, ModelFacts, PerplexityReport } from './protocol_reports.ts';

export type Stage =
  | 'download'
  | 'loading'
  | 'dense_evaluation'
  | 'calibration'
  /** A method's own work, whichever it is. */
  | 'compression'
  /** For the best recipe of a size. */
  | 'search'
  | 'evaluation'
  | 'generation'
  /** Multiple-choice tasks. */
  | 'tasks'
  | 'export'
  | 'verification';

export type EngineEvent =
  | {
      type: 'progress';
      stage: Stage;
      /** 0 … 1 of this command. */
      fraction: number;
      layer?: number;
      layers?: number;
      /** For people: "MLP covariance". */
      step: string;
      /** Tokens through a layer (or windows' tokens through the model) per second; absent before it is known. */
      tokens_per_second?: number;
      /** Of a download, in place of tokens. */
      bytes_per_second?: number;
      eta_seconds?: number;
      memory: MemoryReport;
    }
  | {
      type: 'window';
      target: 'dense' | string;
      index: number;
      count: number;
      /** Mean loss of this window, in nats per token. */
      loss: number;
      /** exp(mean loss so far), and its spread as in {@link PerplexityReport}. */
      perplexity: number;
      relative_spread: number | null;
    }
  /** The next piece of a text that is being written: whole characters. */
  | { type: 'text'; target: 'dense' | string; file?: ExportedChoice; piece: string }
  /** Of a model that is being opened, before its tokenizer is read: `open` may still fail. */
  | { type: 'facts'; facts: ModelFacts }
  | { type: 'site'; stream: 'dense' | 'compressed'; site: SiteReport }
  /** A step that trains measured its held-out windows. `step` is that of the recipe, as text; `steps` how many the training takes. */
  | { type: 'training'; step: string; steps: number; point: TrainingPoint };

/** Page → Worker. */
export type ToEngine =
  /**
   * First message: where the app's own files (the built-in model) lie, which Hub to ask when the person asks, whose storage
   * to work in, how many engines this page had before, and where to beat (`src/pulse`).
   */
  | {
      type: 'init';
      base: string;
      hub_endpoint: string;
      session: string;
      generation: number;
      pulse?: SharedArrayBuffer;
    }
  | { [K in CommandKind]: { type: 'command'; id: number; kind: K; request: Commands[K]['request'] } }[CommandKind]
  | { type: 'cancel'; id: number }
  /** The memory of page and Workers, which only a page can ask for. */
  | { type: 'heap'; bytes: number };

/** Worker → page. */
export type FromEngine =
  /** The Worker's event loop turns; the first names the Web Lock that the Worker holds while it lives. */
  | { type: 'alive'; lock?: string }
  /** Nothing may be heard for so many seconds; 0: as usual again. */
  | { type: 'quiet'; seconds: number }
  /** It can go on with nothing; the page replaces it. */
  | { type: 'stalled'; error: ErrorData }
  /** Addresses at other origins that one of the engine's threads asked for: none but those of a download asked for. */
  | { type: 'outside_requests'; urls: string[]; asked_for: boolean }
  | { type: 'event'; id: number; event: EngineEvent }
  | { type: 'result'; id: number; result: Commands[CommandKind]['result'] }
  | { type: 'error'; id: number; error: ErrorData };
