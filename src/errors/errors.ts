/**
 * @file Typed errors. Every error that a person can meet has a stable `code`, says what was found and where, what is
 * allowed, and what to do next. Errors cross the Worker boundary as data ({@link ErrorData}), never as strings.
 */

export type ErrorCode =
  // what the person gave us (exit status 2 of the headless command)
  | 'not_a_model'
  | 'bad_safetensors'
  | 'bad_gguf'
  | 'bad_shard_index'
  | 'bad_onnx'
  | 'missing_shard'
  | 'truncated_file'
  | 'file_changed'
  | 'bad_config'
  | 'unknown_architecture'
  // weights in a type that is not decoded
  | 'unsupported_dtype'
  | 'shape_mismatch'
  | 'missing_tensor'
  | 'bad_tokenizer'
  | 'bad_chat_template'
  | 'bad_text'
  | 'text_too_short'
  // examples, a line each
  | 'bad_jsonl'
  | 'non_finite_weights'
  | 'bad_option'
  | 'bad_project'
  | 'another_model'
  | 'not_sliceable'
  | 'hub_not_found'
  | 'hub_login_needed'
  // what a download that the person asked for met
  | 'hub_unreachable'
  | 'hub_rate_limited'
  | 'hub_failed'
  | 'hub_busy'
  | 'wrong_hash'
  // what the machine could not do
  | 'no_webgpu'
  | 'device_lost'
  | 'out_of_memory'
  | 'limit_exceeded'
  | 'shader_error'
  | 'storage_full'
  | 'engine_stopped'
  | 'engine_stalled'
  | 'bad_session'
  | 'site_unreachable'
  // what went wrong in the computation
  | 'not_converged'
  | 'non_finite_activations'
  | 'kernel_shape'
  | 'verification_failed'
  | 'export_failed'
  | 'cancelled'
  | 'internal';

/** Where the fault lies; every part is optional because not every fault has a file. */
export interface ErrorPlace {
  file?: string;
  tensor?: string;
  /** Of a text file, from 1. */
  line?: number;
  field?: string;
  layer?: number;
}

export interface ErrorData {
  code: ErrorCode;
  /** What was found, in one sentence that names the value. */
  message: string;
  place: ErrorPlace;
  /** What would be allowed. */
  allowed?: string;
  /** What the person can do now. */
  action?: string;
}

/** Codes that mean "the input or the options are wrong", as opposed to "the machine or the program failed". */
const BAD_INPUT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'not_a_model',
  'bad_safetensors',
  'bad_gguf',
  'bad_shard_index',
  'bad_onnx',
  'missing_shard',
  'truncated_file',
  'file_changed',
  'bad_config',
  'unknown_architecture',
  'unsupported_dtype',
  'shape_mismatch',
  'missing_tensor',
  'bad_tokenizer',
  'bad_chat_template',
  'bad_text',
  'text_too_short',
  'bad_jsonl',
  'non_finite_weights',
  'bad_option',
  'bad_project',
  'another_model',
  'not_sliceable',
  'hub_not_found',
  'hub_login_needed',
]);

export class WhittleError extends Error {
  override readonly name = 'WhittleError';
  readonly code: ErrorCode;
  readonly place: ErrorPlace;
  readonly allowed?: string;
  readonly action?: string;

  constructor(data: Omit<ErrorData, 'place'> & { place?: ErrorPlace }, options?: ErrorOptions) {
    super(data.message, options);
    this.code = data.code;
    this.place = data.place ?? {};
    this.allowed = data.allowed;
    this.action = data.action;
  }

  get isBadInput(): boolean {
    return BAD_INPUT.has(this.code);
  }

  toData(): ErrorData {
    return { code: this.code, message: this.message, place: this.place, allowed: this.allowed, action: this.action };
  }

  static fromData(data: ErrorData): WhittleError {
    return new WhittleError(data);
  }
}

/** Turns anything thrown into {@link ErrorData}; an unknown error becomes `internal` and keeps its own message. */
export function toErrorData(thrown: unknown): ErrorData {
  if (thrown instanceof WhittleError) return thrown.toData();
  if (thrown instanceof Error && thrown.name === 'AbortError') return cancelled().toData();
  if (thrown instanceof Error && thrown.name === 'QuotaExceededError') return storageFull().toData();
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return {
    code: 'internal',
    message,
    place: {},
    action: 'This is a fault in Whittle. Please report it with the steps that led here.',
  };
}

/** Wherever the browser had no room: it throws the same whether a file is made, written or packed. */
export function storageFull(
  message = 'The browser’s storage for this site is full.',
  place: ErrorPlace = {},
): WhittleError {
  return new WhittleError({
    code: 'storage_full',
    message,
    place,
    action: 'Free disk space, or delete downloaded models and runs that are no longer needed, and try again.',
  });
}

export function cancelled(): WhittleError {
  return new WhittleError({ code: 'cancelled', message: 'The job was cancelled.' });
}

/** One readable line: what, where, allowed, action. */
export function formatError(data: ErrorData): string {
  const { file, tensor, line, field, layer } = data.place;
  const where = [
    file,
    tensor && `tensor ${tensor}`,
    line !== undefined && `line ${line}`,
    field && `field ${field}`,
    layer !== undefined && `layer ${layer}`,
  ]
    .filter(Boolean)
    .join(', ');
  const parts = [
    where ? `${data.message} (${where})` : data.message,
    data.allowed && `Allowed: ${data.allowed.replace(/\.$/, '')}.`,
    data.action,
  ];
  return parts.filter(Boolean).join(' ');
}
