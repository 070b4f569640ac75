import type { IncomingMessage, ServerResponse } from 'node:http';
import { describeError, requestPath } from '../../runtime/index.ts';
import type { Overview } from '../overview.ts';
import { refreshScript, style } from './assets.ts';
import { pageView, troubleView } from './page-view.ts';
import type { Teller } from './page-view.ts';

/** What is shown, asked at each request. May reject: the page says why. */
export type Told = () => Promise<{ overview: Overview; teller: Teller }>;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const text = 'text/plain; charset=utf-8';
const page = 'text/html; charset=utf-8';

/** Nothing but what comes from here, and nobody may frame it: whatever names and messages hold, no browser obeys it. */
const headers = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/**
 * Names that a browser reaches a forwarded port by. A page of somebody else, whose name he lets lead to 127.0.0.1 of who
 * reads it, would ask by that name, and is not answered.
 */
const hosts = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** Answers `/`, its style and script, and `/status.json`, the same for programs; nothing can be changed here. */
export function pageHandler(told: Told): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void answerTo(request, told).then(({ status, type, body }) => {
      const allow = status === 405 ? { Allow: 'GET, HEAD' } : {};
      response.writeHead(status, {
        ...headers,
        ...allow,
        'Content-Type': type,
        'Content-Length': Buffer.byteLength(body),
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
  };
}

/** Never rejects. */
async function answerTo(request: IncomingMessage, told: Told): Promise<Answer> {
  if (!hosts.test(request.headers.host ?? ''))
    return { status: 421, type: text, body: 'this page is for localhost: kubectl port-forward leads to it\n' };
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { status: 405, type: text, body: 'this page can only be read\n' };
  switch (requestPath(request)) {
    case '/':
      return show(told, page, ({ overview, teller }) => pageView(overview, teller), troubleView);
    case '/status.json':
      return show(
        told,
        'application/json',
        (all) => json(all),
        (error) => json({ error }),
      );
    case '/style.css':
      return { status: 200, type: 'text/css; charset=utf-8', body: style };
    case '/refresh.js':
      return { status: 200, type: 'text/javascript; charset=utf-8', body: refreshScript };
    default:
      return { status: 404, type: text, body: 'there is / and /status.json\n' };
  }
}

async function show(
  told: Told,
  type: string,
  good: (all: Awaited<ReturnType<Told>>) => string,
  bad: (trouble: string) => string,
): Promise<Answer> {
  try {
    return { status: 200, type, body: good(await told()) };
  } catch (error) {
    return { status: 503, type, body: bad(describeError(error)) };
  }
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
