import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { answer, describeError, requestPath } from '../../runtime/index.ts';

const compress = promisify(gzip);
const plainText = 'text/plain; charset=utf-8';

export interface MetricsHandlerOptions {
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** The mode of the data plane that runs; undefined before the first sync. */
  readonly mode: () => string | undefined;
  /** The configuration in effect; anything that JSON can say. */
  readonly effectiveConfig: () => unknown;
  /** The Service ports that the kernel holds. */
  readonly servicePorts: () => unknown;
  /** Told when an answer could not be made; the client gets 500 and the same message. */
  readonly onError: (error: unknown) => void;
}

/**
 * Answers what kube-proxy answers on its metrics port: `/metrics`, `/healthz` (`ok` as long as the process answers),
 * `/proxyMode` (the mode that runs; 503 before the first sync) and `/configz`;
 * and `/serviceports`, all Service ports that the kernel holds; 404 for every other path.
 */
export function metricsHandler(
  options: MetricsHandlerOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    switch (requestPath(request)) {
      case '/metrics':
        sendMetrics(options, request, response).catch((error: unknown) => {
          options.onError(error);
          if (response.headersSent) response.destroy();
          else answer(response, 500, plainText, `${describeError(error)}\n`);
        });
        return;
      case '/healthz':
        answer(response, 200, plainText, 'ok');
        return;
      case '/proxyMode':
        sendMode(options.mode(), response);
        return;
      case '/configz':
        answer(response, 200, 'application/json', `${JSON.stringify(options.effectiveConfig() ?? null)}\n`);
        return;
      case '/serviceports':
        answer(response, 200, 'application/json', `${JSON.stringify(options.servicePorts())}\n`);
        return;
      default:
        answer(response, 404, plainText, '404 page not found\n');
    }
  };
}

function sendMode(mode: string | undefined, response: ServerResponse): void {
  if (mode === undefined) answer(response, 503, plainText, 'no data plane runs yet: waiting for the first sync\n');
  else answer(response, 200, plainText, mode);
}

async function sendMetrics(
  { metrics }: MetricsHandlerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const text = await metrics.text();
  if (!/\bgzip\b/.test(request.headers['accept-encoding']?.toString() ?? '')) {
    answer(response, 200, metrics.contentType, text);
    return;
  }
  // With 10,000 Services there are megabytes that compress well; off the event loop.
  const body = await compress(text, { level: 1 });
  response.writeHead(200, {
    'Content-Type': metrics.contentType,
    'Content-Encoding': 'gzip',
    'Content-Length': body.length,
  });
  response.end(body);
}
