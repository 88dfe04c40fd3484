/** @file What can go wrong between this page and the Hub: which faults pass by themselves, and what to say of the others. */
import { cancelled, WhittleError } from '../../errors/errors.ts';
import { endpointHost } from './endpoint.ts';

/** One failed request. `is_passing`: worth another try, after `wait_ms` where the server says so. */
export class HubFault extends Error {
  constructor(
    readonly reason: WhittleError,
    readonly is_passing: boolean,
    readonly wait_ms?: number,
    /** Of the answer, where there was one. */
    readonly status?: number,
  ) {
    super(reason.message, { cause: reason });
  }
}

/** What a request was for, so that a message can name it. */
export interface Asked {
  endpoint: string;
  /** `owner/name` */
  id: string;
  revision: string;
  file?: string;
}

/** From an answer that is no success. */
export function faultOfStatus(response: Response, asked: Asked): HubFault {
  const { status } = response;
  const { endpoint, id, file } = asked;
  const place = file === undefined ? undefined : { file };
  const host = response.redirected ? new URL(response.url).host : endpointHost(endpoint);
  const isFileHost = host !== endpointHost(endpoint);
  // The Hub's own name for what is wrong.
  const code = response.headers.get('x-error-code') ?? '';
  if (status === 429) {
    const wait = retryAfter(response.headers.get('retry-after'));
    const when = wait === undefined ? 'in a few minutes' : `after ${Math.ceil(wait / 1000)} s`;
    return new HubFault(
      new WhittleError({
        code: 'hub_rate_limited',
        message: `${host} has had too many requests from your address and asks to wait (status 429).`,
        place,
        action: `Try again ${when}; what is downloaded stays.`,
      }),
      true,
      wait,
    );
  }
  // A file host answers an address that has expired with 403: the next try gets a fresh one.
  if (status >= 500 || status === 408 || (status === 403 && isFileHost)) {
    const failed = new WhittleError({
      code: 'hub_failed',
      message: `${host} could not give the answer (status ${status}).`,
      place,
      action: 'Try again later; what is downloaded stays.',
    });
    return new HubFault(failed, true);
  }
  if ((status === 401 || status === 403) && code !== 'RepoNotFound') {
    const known =
      code === 'GatedRepo'
        ? 'asks people to log in and accept its terms first'
        : 'is private, or there is none of that name';
    return new HubFault(
      new WhittleError({
        code: 'hub_login_needed',
        message: `${id} ${known} (status ${status}).`,
        place,
        allowed: 'models that anyone may download: Whittle takes no passwords and no tokens',
        action: `Check the name. If you may have the model, download it from ${endpoint}/${id} while logged in, then drop the folder here.`,
      }),
      false,
    );
  }
  if (status === 401 || status === 403 || status === 404 || status === 410) {
    return new HubFault(new WhittleError({ code: 'hub_not_found', place, ...missing(asked, code, status) }), false);
  }
  const odd = new WhittleError({
    code: 'hub_failed',
    message: `${host} refused the request (status ${status}).`,
    place,
    action: 'Look the model up again.',
  });
  return new HubFault(odd, false, undefined, status);
}

function missing(
  { endpoint, id, revision, file }: Asked,
  code: string,
  status: number,
): { message: string; action: string } {
  const host = endpointHost(endpoint);
  if (code === 'RevisionNotFound') {
    return {
      message: `${id} has no revision "${revision}".`,
      action: 'Leave the revision away for the newest version.',
    };
  }
  if (file !== undefined && code !== 'RepoNotFound') {
    return {
      message: `${host} no longer has this file of ${id} (status ${status}).`,
      action: 'Look the model up again.',
    };
  }
  return {
    message: `${host} has no public model ${id}${revision === 'main' ? '' : ` at revision "${revision}"`} (status ${status}).`,
    action: 'Check the spelling, and that the model is public: the name stands at the top of its page.',
  };
}

/** From something thrown by `fetch` or by a body that broke off. A cancel stays a cancel. */
export function faultOfThrown(thrown: unknown, asked: Asked, signal: AbortSignal): HubFault | WhittleError {
  if (signal.aborted) return cancelled();
  if (thrown instanceof HubFault || thrown instanceof WhittleError) return thrown;
  const host = endpointHost(asked.endpoint);
  const place = asked.file === undefined ? undefined : { file: asked.file };
  if (isOffline()) {
    const offline = new WhittleError({
      code: 'hub_unreachable',
      message: 'This device is offline.',
      place,
      action: 'Connect and try again: what is downloaded stays, and models on this device open without a connection.',
    });
    return new HubFault(offline, false);
  }
  // The browser tells a page no more than "failed", so that pages cannot probe other sites.
  return new HubFault(
    new WhittleError(
      {
        code: 'hub_unreachable',
        message: `${host}, or the file host it sends to, could not be reached.`,
        place,
        action:
          'Is there a connection, and does a blocker or a firewall allow the host? The host must also allow pages of other sites to read it (CORS). What is downloaded stays.',
      },
      { cause: thrown },
    ),
    true,
  );
}

function isOffline(): boolean {
  return typeof navigator !== 'undefined' && navigator.onLine === false;
}

/** Seconds or a date, as HTTP has it (RFC 9110 §10.2.3); in ms. */
function retryAfter(header: string | null): number | undefined {
  if (!header) return undefined;
  const wait = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}
