/**
 * @file A server on this machine that speaks the Hub's paths: model listings, and files that are redirected to a file host
 * (the same process under another port) which knows ranges. A test makes it misbehave.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334';

export interface HubRequest {
  host: 'hub' | 'files';
  path: string;
  range?: string;
  headers: IncomingMessage['headers'];
}

/** Answers in place of the server where it returns true. */
export type Misbehave = (
  request: HubRequest,
  response: ServerResponse,
  /** Requests seen of this host and path, this one included. */
  count: number,
) => boolean | undefined | Promise<boolean | undefined>;

export interface HubServer {
  endpoint: string;
  /** Where large files are redirected to. */
  fileHost: string;
  requests: HubRequest[];
  files: Map<string, Uint8Array>;
  /** Merged into the model's listing. */
  info: Record<string, unknown>;
  misbehave?: Misbehave;
  etag?: string;
  /** Pause between pieces of a body, in ms; 0 sends it at once. */
  pace_ms: number;
  /** What the listing says of a file, where that is not its true hash. */
  listed: Map<string, { size?: number; sha256?: string }>;
  close(): Promise<void>;
}

const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'ETag, Content-Range, Accept-Ranges, X-Error-Code, X-Repo-Commit, Link',
};
const LARGE_BYTES = 4096;
const PIECE_BYTES = 16 * 1024;

export async function startHubServer(id: string, files: Map<string, Uint8Array>): Promise<HubServer> {
  const counts = new Map<string, number>();
  const hub: HubServer = {
    endpoint: '',
    fileHost: '',
    requests: [],
    files,
    info: {},
    pace_ms: 0,
    listed: new Map(),
    async close() {
      for (const server of [front, store]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };

  const handle = (host: HubRequest['host']) => async (request: IncomingMessage, response: ServerResponse) => {
    const path = decodeURIComponent((request.url ?? '/').split('?')[0]);
    const seen: HubRequest = { host, path, range: request.headers.range, headers: request.headers };
    hub.requests.push(seen);
    const key = `${host} ${path}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value);
    if (await hub.misbehave?.(seen, response, counts.get(key) as number)) return;
    if (host === 'files') await sendFile(hub, seen, response, path.slice(1));
    else await answerHub(hub, id, seen, response);
  };
  const front = await listen(handle('hub'));
  const store = await listen(handle('files'));
  hub.endpoint = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  hub.fileHost = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
  return hub;
}

async function answerHub(hub: HubServer, id: string, request: HubRequest, response: ServerResponse): Promise<void> {
  const revision = new RegExp(`^/api/models/${id}/revision/(main|v1|${COMMIT})$`);
  if (revision.test(request.path)) {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(listing(hub, id)));
    return;
  }
  const prefix = `/${id}/resolve/${COMMIT}/`;
  const name = request.path.startsWith(prefix) ? request.path.slice(prefix.length) : undefined;
  const bytes = name === undefined ? undefined : hub.files.get(name);
  if (name === undefined || !bytes) {
    const code = request.path.startsWith(`/api/models/${id}/`) ? 'RevisionNotFound' : 'RepoNotFound';
    response.writeHead(404, { 'X-Error-Code': name === undefined ? code : 'EntryNotFound' }).end();
  } else if (bytes.length >= LARGE_BYTES) {
    response.writeHead(302, { Location: `${hub.fileHost}/${name}` }).end();
  } else {
    await sendFile(hub, request, response, name);
  }
}

/** The listing with `blobs=true`: git's object ids for small files, SHA-256 for large ones. */
function listing(hub: HubServer, id: string): object {
  const siblings = [...hub.files].map(([rfilename, bytes]) => {
    const listed = hub.listed.get(rfilename);
    const size = listed?.size ?? bytes.length;
    const sha256 = listed?.sha256 ?? createHash('sha256').update(bytes).digest('hex');
    if (bytes.length >= LARGE_BYTES) {
      return { rfilename, size, blobId: 'f'.repeat(40), lfs: { sha256, size, pointerSize: 134 } };
    }
    return { rfilename, size, blobId: createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex') };
  });
  return {
    _id: '0123456789abcdef01234567',
    id,
    private: false,
    gated: false,
    sha: COMMIT,
    siblings,
    config: { architectures: ['LlamaForCausalLM'], model_type: 'llama' },
    cardData: { license: 'apache-2.0' },
    ...hub.info,
  };
}

/** With ranges and an ETag, as a file host sends it. */
export async function sendFile(
  hub: HubServer,
  request: HubRequest,
  response: ServerResponse,
  name: string,
  bytes = hub.files.get(name) as Uint8Array,
): Promise<void> {
  response.setHeader('ETag', hub.etag ?? `"${createHash('md5').update(bytes).digest('hex')}"`);
  response.setHeader('Accept-Ranges', 'bytes');
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.range ?? '');
  const start = match ? Number(match[1]) : 0;
  if (start >= bytes.length && bytes.length > 0) {
    response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end();
    return;
  }
  const end = match ? Math.min(Number(match[2]) + 1, bytes.length) : bytes.length;
  const headers = { 'Content-Length': end - start };
  if (match) response.writeHead(206, { ...headers, 'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}` });
  else response.writeHead(200, headers);
  if (hub.pace_ms === 0) {
    response.end(bytes.subarray(start, end));
    return;
  }
  for (let at = start; at < end && !response.destroyed; at += PIECE_BYTES) {
    response.write(bytes.subarray(at, Math.min(end, at + PIECE_BYTES)));
    await new Promise((resolve) => setTimeout(resolve, hub.pace_ms));
  }
  response.end();
}

function listen(handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<Server> {
  const server = createServer((request, response) => {
    handler(request, response).catch(() => response.destroy());
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
